/* SPDX-License-Identifier: MIT */
/*
 * The program: each pair is played in a process of its own, as many at a time as there are processors; verdicts come in
 * order, in the form that tests/runner/native.py reads.
 */
#include "explore.h"
#include "pair.h"
#include "triples.h"
#include "../native/play/process.h"
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAIRS_MAX   4096
#define NOT_REACHED 3 /* the status of a replay without its changes of CPU */
#define SECONDS_MAX 1800

static struct {
    const char *pattern, *replay;
    bool long_form, first, list;
    unsigned jobs, changes; /* changes: 0: the number of the form */
    u64 limit;              /* schedules of a pair; 0: the limit of the form */
} options = {.pattern = "*"};

/* The short form: one change everywhere; two changes for pairs that have at most this many schedules. */
#define SHORT_LIMIT 3000
#define LONG_LIMIT  3000000

static struct pair pairs[PAIRS_MAX];
static unsigned nr_pairs;
static struct pair_count *counts;

static void add(const struct pair *pair)
{
    char name[128] = "explore.";

    pair_name(name + 8, sizeof(name) - 8, pair);
    /* Also without "explore.", as in the name of a schedule. */
    if (nr_pairs < PAIRS_MAX && (!fnmatch(options.pattern, name, 0) || !fnmatch(options.pattern, name + 8, 0)))
        pairs[nr_pairs++] = *pair;
}

static void collect(void)
{
    for (unsigned s = 0; s < nr_stages; s++)
        for (const struct operation *a = stages[s]->operations; a->name; a++)
            for (const struct operation *b = a; b->name; b++)
                if ((a != b || !a->alone) && !(a->ends & b->needs) && !(b->ends & a->needs))
                    add(&(struct pair){.stage = stages[s], .nr = 2, .operation = {a, b}, .changes = 2});
    for (unsigned i = 0; i < nr_triples; i++) {
        struct pair pair = triple(i);
        add(&pair);
    }
}

/* --- playing ----------------------------------------------------------------------------------- */
static void silence(void)
{
    int out = open("/dev/null", O_WRONLY);

    fflush(stdout);
    dup2(out, 1);
    close(out);
}

/* In a process of its own: everything about one pair. */
static void play_pair(unsigned i)
{
    const struct pair *pair = &pairs[i];
    u64 limit = options.limit ? options.limit : options.long_form ? LONG_LIMIT : SHORT_LIMIT;

    pair_counts = &counts[i];
    accesses_forget();
    if (!pair_begin(pair)) {
        pair_counts->wrong = pair_counts->schedules = 1;
        pair_counts->first_wrong = pair_counts->playing;
    } else {
        unsigned changes = options.changes ? options.changes : options.long_form ? pair->changes : 1;
        schedules_run(pair, changes, limit, pair_counts);
        if (!options.changes && !options.long_form && pair->nr == 2 && pair->stage->small && !pair_counts->wrong) {
            accesses_forget();
            schedules_run(pair, pair->changes, limit, pair_counts);
        }
    }
    pair_counts->finished = true;
}

static void tell(const void *arg)
{
    const struct pair *pair = arg;
    const struct schedule *s = &pair_counts->first_wrong;
    const char *names[OPERATIONS_MAX] = {NULL};
    int out = dup(1);

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned i = 0; i < pair->nr; i++)
        names[i] = pair->operation[i]->name;
    silence();
    accesses_forget();
    pair_begin(pair);
    accesses_settle();
    fflush(stdout);
    dup2(out, 1);
    aloud = true;
    report_begin(names, pair->nr);
    bool good = pair_run(pair, s), reached = changes_made == s->nr_changes;
    printf(!good ? "" : reached ? "  nothing is wrong\n" : "  the other CPU never came at that place\n");
    fflush(stdout);
    _exit(!good ? 1 : reached ? 0 : NOT_REACHED);
}

/* --- verdicts ---------------------------------------------------------------------------------- */
static const char *kind_name(enum access kind)
{
    static const char *const texts[] = {"a plain read",   "a plain write",   "READ_ONCE",       "WRITE_ONCE",
                                        "an atomic load", "an atomic store", "an atomic change"};
    return texts[kind];
}

static void print_race(const struct race *r)
{
    char first[160], second[160];

    report_code(first, sizeof(first), r->first.pc);
    report_code(second, sizeof(second), r->second.pc);
    printf("  data race on %s: %s by %s and %s by %s, which nothing orders\n", r->where, kind_name(r->first.kind),
           first, kind_name(r->second.kind), second);
}

static bool verdict(unsigned i, unsigned number)
{
    const struct pair *pair = &pairs[i];
    struct pair_count *c = &counts[i];
    char name[128], text[80];

    pair_name(name, sizeof(name), pair);
    if (!c->finished) {
        c->first_wrong = c->playing;
        c->wrong++;
    }
    bool good = !c->wrong && !c->nr_races;
    printf("%s %u explore.%s # tests/explore # %lu schedules%s\n", good ? "ok" : "not ok", number, name, c->schedules,
           c->cut ? ", not all of them" : "");
    if (c->wrong) {
        schedule_print(text, sizeof(text), &c->first_wrong);
        if (c->finished)
            printf("  %lu of %lu schedules go wrong; the first:\n", c->wrong, c->schedules);
        else
            printf("  the program fell over in this schedule:\n");
        pair_counts = c;
        child_run(tell, pair, CHILD_HEARD, 60);
        printf("  again: make explore REPLAY=%s:%s\n", name, text);
    }
    for (unsigned k = 0; k < c->nr_races; k++)
        print_race(&c->races[k]);
    if (!c->wrong && c->nr_races)
        printf("  again: make explore TEST=explore.%s\n", name);
    fflush(stdout);
    return good;
}

static bool run_all(void)
{
    pid_t *pids = calloc(nr_pairs, sizeof(*pids));
    unsigned begun = 0, told = 0, running_now = 0, failed = 0;
    u64 schedules = 0;

    while (told < nr_pairs && !(failed && options.first)) {
        while (begun < nr_pairs && running_now < options.jobs) {
            fflush(stdout);
            pids[begun] = fork();
            if (pids[begun] == 0) {
                alarm(SECONDS_MAX);
                silence();
                play_pair(begun);
                _exit(0);
            }
            begun++;
            running_now++;
        }
        pid_t ended = wait(NULL);
        running_now--;
        for (unsigned i = 0; i < begun; i++)
            if (pids[i] == ended)
                pids[i] = 0;
        for (; told < begun && !pids[told]; told++) {
            failed += !verdict(told, told + 1);
            schedules += counts[told].schedules;
        }
    }
    for (unsigned i = 0; i < begun; i++)
        if (pids[i]) /* not reported any more */
            kill(pids[i], SIGKILL);
    if (!nr_pairs)
        printf("no test matches \"%s\"\n", options.pattern);
    printf("1..%u\n", told);
    if (options.long_form)
        printf("%u %s, %lu schedules: %u wrong\n", told, told == 1 ? "pair or triple" : "pairs and triples", schedules,
               failed);
    return !failed && nr_pairs;
}

/* NAME:ORDER:PLACE,PLACE as a failure prints it. */
static int replay(const char *text)
{
    text += strncmp(text, "explore.", 8) ? 0 : 8;
    const char *colon = strchr(text, ':');
    struct schedule s;
    char name[160];

    if (colon) {
        snprintf(name, sizeof(name), "explore.%.*s", (int)(colon - text), text);
        options.pattern = name;
        collect();
    }
    if (nr_pairs != 1 || !schedule_parse(colon + 1, pairs[0].nr, &s)) {
        fprintf(stderr, "REPLAY=%s: STAGE.OPERATION+OPERATION:ORDER:PLACES, as a failing test prints it, please%s\n", text,
                nr_pairs == 1 ? "; there are such operations, but no such order or places" : "; no operations are called that (--list)");
        return 2;
    }
    pair_counts = counts;
    pair_counts->first_wrong = s;
    int status = child_run(tell, &pairs[0], CHILD_HEARD, 60);
    bool gone = WIFEXITED(status) && WEXITSTATUS(status) == NOT_REACHED;
    printf(gone                  ? "that schedule isn't there any more: the code has changed, and its places have moved\n"
           : status              ? "it fails\n"
                                 : "it passes\n");
    return status != 0;
}

static int usage(bool asked)
{
    fprintf(asked ? stdout : stderr,
            "usage: build/explore/test [--test PATTERN] [--form short|long] [--changes N] [--limit SCHEDULES] [--jobs N] [--first]\n"
            "       build/explore/test --list [--test PATTERN]      the names of all pairs and triples; nothing is played\n"
            "       build/explore/test --replay PAIR:ORDER:PLACES   one schedule, told in words\n"
            "make explore calls it: make explore TEST='explore.object.*' CHANGES=1\n");
    return asked ? 0 : 2;
}

static int list(void)
{
    for (unsigned i = 0; i < nr_pairs; i++) {
        char name[128];
        pair_name(name, sizeof(name), &pairs[i]);
        printf("explore.%s\n", name);
    }
    return nr_pairs ? 0 : 1;
}

/* False: there is no such option. */
static bool option(const char *name, const char *value)
{
    if (!value)
        return false;
    if (!strcmp(name, "--test"))
        options.pattern = value;
    else if (!strcmp(name, "--form") && (!strcmp(value, "long") || !strcmp(value, "short")))
        options.long_form = !strcmp(value, "long");
    else if (!strcmp(name, "--changes"))
        options.changes = (unsigned)strtoul(value, NULL, 10);
    else if (!strcmp(name, "--limit"))
        options.limit = strtoul(value, NULL, 10);
    else if (!strcmp(name, "--jobs"))
        options.jobs = (unsigned)strtoul(value, NULL, 10);
    else if (!strcmp(name, "--replay"))
        options.replay = value;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    options.jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help"))
            return usage(true);
        if (!strcmp(argv[i], "--first"))
            options.first = true;
        else if (!strcmp(argv[i], "--list"))
            options.list = true;
        else if (!option(argv[i], i + 1 < argc ? argv[i + 1] : NULL))
            return usage(false);
        else
            i++;
    }
    counts =
        mmap(NULL, PAIRS_MAX * sizeof(*counts), 3 /* read, write */, 0x4021 /* shared, anonymous, no reserve */, -1, 0);
    if (counts == (void *)-1 || !options.jobs) {
        perror("explore: mmap");
        return 2;
    }
    if (options.replay)
        return replay(options.replay);
    collect();
    return options.list ? list() : !run_all();
}
