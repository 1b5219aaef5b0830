/* SPDX-License-Identifier: MIT */
/*
 * One pair through one schedule: the world begins, the operations meet, the books are looked at, and the final contents
 * that programs see must be the result of one of the orders of the whole operations. This is the model: an operation
 * happens at once, before or after the other. An operation that returns "not now" hasn't happened.
 */
#include "pair.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include <stdio.h>
#include <string.h>

#define OUTCOMES_MAX 48

struct outcome {
    unsigned done; /* which operations were made, a bit each */
    long result[OPERATIONS_MAX];
    struct observation seen;
};

struct pair_count *pair_counts;
static struct outcome allowed[OUTCOMES_MAX], outcome;
static unsigned nr_allowed;
static const struct pair *playing;
static const struct schedule *playing_schedule;

void pair_name(char *text, size_t size, const struct pair *pair)
{
    size_t n = (size_t)snprintf(text, size, "%s.", pair->stage->name);

    for (unsigned i = 0; i < pair->nr; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%s", i ? "+" : "", pair->operation[i]->name);
}

/* --- possible results -------------------------------------------------------------------------- */
static bool says_not_now(const struct operation *op, long result)
{
    for (unsigned i = 0; i < 3; i++)
        if (op->not_now[i] && op->not_now[i] == result)
            return true;
    return false;
}

static bool agrees(const struct outcome *a, const struct outcome *seen)
{
    for (unsigned i = 0; i < playing->nr; i++)
        if (a->done & 1u << i ? a->result[i] != seen->result[i] : !says_not_now(playing->operation[i], seen->result[i]))
            return false;
    return !memcmp(&a->seen, &seen->seen, sizeof(a->seen));
}

/* Whether some order of the whole operations gives these answers. */
static bool answers_agree(void)
{
    for (unsigned i = 0; i < playing->nr; i++) {
        bool known = says_not_now(playing->operation[i], outcome.result[i]);
        for (unsigned k = 0; k < nr_allowed && !known; k++)
            known = allowed[k].done & 1u << i && allowed[k].result[i] == outcome.result[i];
        if (!known)
            return false;
    }
    return true;
}

static void tell_outcome(const char *title, const struct outcome *o)
{
    printf("  %s", title);
    for (unsigned i = 0; i < playing->nr; i++) {
        if (o->done & 1u << i)
            printf("%s%s says %s", i ? ", " : "", playing->operation[i]->name, error_name(o->result[i]));
        else
            printf("%s%s says \"not now\"", i ? ", " : "", playing->operation[i]->name);
    }
    for (unsigned i = 0; i < scene.nr_looks; i++) {
        printf("; page %lu%s: ", (scene.look[i].addr - BASE) >> PAGE_SHIFT,
               scene.look[i].space ? " of the second space" : "");
        if (o->seen.page[i].read)
            printf("%s", error_name(o->seen.page[i].read));
        else
            printf("holds %lu", o->seen.page[i].value);
        if (o->seen.page[i].write)
            printf(", a store is %s", error_name(o->seen.page[i].write));
        else if (o->seen.page[i].again != 100 + i)
            printf(", and %lu after stores everywhere", o->seen.page[i].again);
    }
    for (unsigned i = 0; i < playing->nr; i++)
        if (o->seen.child[i].read)
            printf("; page 3 of the child: %s", error_name(o->seen.child[i].read));
        else if (o->seen.child[i].value)
            printf("; page 3 of the child: holds %lu", o->seen.child[i].value);
    printf("; frames in holes: %lu, broken: %lu", o->seen.holes, o->seen.poisoned);
    printf(playing->stage->look ? "; the stage's own number: %lu\n" : "\n", o->seen.more);
}

static void check_outcome(void)
{
    for (unsigned i = 0; i < nr_allowed; i++)
        if (agrees(&allowed[i], &outcome))
            return;
    for (unsigned i = 0; i < playing->nr; i++)
        if (playing->operation[i]->in_steps && answers_agree())
            return;
    tell_outcome("seen: ", &outcome);
    for (unsigned i = 0; i < nr_allowed; i++)
        tell_outcome(i ? "or: " : "expected: ", &allowed[i]);
    printf("  rule: what comes of operations that meet is what comes of them one after the other, in some order\n");
    cpus_give_up();
}

/* --- one schedule ------------------------------------------------------------------------------ */
static void play(void)
{
    operation_fn functions[OPERATIONS_MAX];

    for (unsigned i = 0; i < playing->nr; i++)
        functions[i] = playing->operation[i]->run;
    memset(&outcome, 0, sizeof(outcome));
    stage_now = playing->stage;
    operations_now = playing->operation;
    operations_nr = playing->nr;
    playing->stage->begin();
    check_no_locks("the beginning");
    if (races_looked_for)
        races_begin(playing->nr);
    cpus_run(playing_schedule, functions, outcome.result);
    outcome.done = (1u << playing->nr) - 1;
    check_no_locks("the operations");
    books_check();
    observe(&outcome.seen);
    books_check();
    if (nr_allowed)
        check_outcome();
    scene_end();
}

bool pair_run(const struct pair *pair, const struct schedule *s)
{
    playing = pair;
    playing_schedule = s;
    if (pair_counts)
        pair_counts->playing = *s;
    return cpus_try(play);
}

/* --- the orders of whole operations ------------------------------------------------------------ */
static long nothing(void) { return 0; }

static void play_in_order(void)
{
    operation_fn functions[OPERATIONS_MAX];

    for (unsigned i = 0; i < playing->nr; i++)
        functions[i] = outcome.done & 1u << i ? playing->operation[i]->run : nothing;
    stage_now = playing->stage;
    operations_now = playing->operation;
    operations_nr = playing->nr;
    playing->stage->begin();
    cpus_run(playing_schedule, functions, outcome.result);
    check_no_locks("the operations");
    books_check();
    observe(&outcome.seen);
    books_check();
    scene_end();
}

static bool order_try(const u8 *order, unsigned done)
{
    struct schedule s = {.nr_cpus = (u8)playing->nr, .order = {order[0], order[1], order[2]}};

    memset(&outcome, 0, sizeof(outcome));
    outcome.done = done;
    playing_schedule = &s;
    if (pair_counts)
        pair_counts->playing = s;
    if (!cpus_try(play_in_order))
        return false;
    for (unsigned i = 0; i < nr_allowed; i++)
        if (allowed[i].done == done && agrees(&allowed[i], &outcome))
            return true;
    if (nr_allowed < OUTCOMES_MAX)
        allowed[nr_allowed++] = outcome;
    return true;
}

bool pair_begin(const struct pair *pair)
{
    static const u8 orders[6][OPERATIONS_MAX] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    unsigned all = (1u << pair->nr) - 1;

    playing = pair;
    nr_allowed = 0;
    for (unsigned done = all + 1; done-- > 0;) {
        bool possible = true; /* operations that aren't made may return "not now" */
        for (unsigned i = 0; i < pair->nr; i++)
            possible = possible && (done & 1u << i || pair->operation[i]->not_now[0]);
        for (unsigned i = 0; possible && i < (pair->nr == 2 ? 2u : 6u); i++)
            if (!order_try(orders[i], done))
                return false;
    }
    return true;
}
