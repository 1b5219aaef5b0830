/* SPDX-License-Identifier: MIT */
/*
 * The native test program. Each game is played
 *   random                 seeded sequences of random moves
 *   every_sequence         every sequence of moves up to a length, in the smallest world
 *   failing_allocations    random sequences in which every allocation of every move fails once
 *   corpus                 sequences that the fuzzer found
 * There are also tests that aren't games (tests.h). Output is KTAP; tests/runner/native.py reads it.
 */
#ifndef FUZZING /* the fuzzer's main() is in libFuzzer */
#include "child.h"
#include "every.h"
#include "tests.h"
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>

static struct {
    u64 seed;
    unsigned depth;
    const char *pattern, *corpus, *label;
} options = {.seed = 1, .pattern = "*", .label = "native"};

/* On another machine or format the same games only have to find differences, so a fraction of them is enough. */
#ifdef LESS_WORK
#define WORK_SHIFT 2
#else
#define WORK_SHIFT 0
#endif
#define SECONDS_MAX 300 /* limit for one test */

/* --- what a child does ------------------------------------------------------------------------- */
static struct move sequence[SEQUENCE_MAX];

static void random_sequences(const struct game *game, unsigned nr, unsigned moves)
{
    for (unsigned i = 0; i < (nr << options.depth) >> WORK_SHIFT; i++) {
        struct random r = {(options.seed << 32 | i) * 0x9e3779b97f4a7c15UL + 1};
        unsigned length = 1 + (unsigned)(random_next(&r) % moves);
        unsigned config = (unsigned)(random_next(&r) >> 40);
        for (unsigned k = 0; k < length; k++) {
            u64 bits = random_next(&r);
            sequence[k] = (struct move){(u8)(bits >> 8), (u8)(bits >> 24), (u8)(bits >> 40), (u8)(bits >> 56)};
        }
        play_shared(game, config % game->configs, sequence, length, NULL);
    }
}

static void body_random(const void *arg)
{
    const struct game *game = arg;
    random_sequences(game, game->random_sequences, game->random_moves);
}

static void body_failing(const void *arg)
{
    const struct game *game = arg;

    failing_everywhere = true;
    random_sequences(game, game->random_sequences / 8, game->random_moves);
}

static void body_every(const void *arg)
{
    const struct game *game = arg;

    every_sequence(game, game->exhaustive_config, game->exhaustive_depth + options.depth - (WORK_SHIFT > 0));
}

/* The fuzzer's bytes, as play/fuzz.c reads them: game, config and mode, then moves. False: no such file. */
static bool read_file(const char *path, struct sequence *s)
{
    static u8 bytes[2 + sizeof(sequence)];
    FILE *file = fopen(path, "rb");
    size_t nr = file ? fread(bytes, 1, sizeof(bytes), file) : 0;

    if (file)
        fclose(file);
    if (nr < 2)
        return false;
    s->game = games[bytes[0] % nr_games];
    s->config = (bytes[1] & 0x7f) % s->game->configs;
    s->failing_everywhere = bytes[1] & 0x80;
    s->nr = (nr - 2) / sizeof(struct move);
    memcpy(s->moves, bytes + 2, s->nr * sizeof(struct move));
    return true;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* All files of the folder, in order. */
static void body_corpus(const void *arg)
{
    static struct sequence s;
    DIR *dir = opendir(arg);
    char *files[4096];
    size_t nr = 0;
    struct dirent *entry;

    CHECK(dir, "the corpus is a folder", "%s can't be read", (const char *)arg);
    while (nr < ARRAY_SIZE(files) && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            files[nr++] = strdup(entry->d_name);
    qsort(files, nr, sizeof(*files), by_name);
    for (size_t i = 0; i < nr; i++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", (const char *)arg, files[i]);
        CHECK(read_file(path, &s), "the corpus holds files of at least two bytes", "%s can't be read", path);
        failing_everywhere = s.failing_everywhere;
        play_shared(s.game, s.config, s.moves, s.nr, NULL);
    }
}

static void body_test(const void *arg) { ((const struct native_test *)arg)->run(); }

/* --- printing a failure ------------------------------------------------------------------------ */
static void print_replay(const struct sequence *s)
{
    printf("  again: make test-native NATIVE=%s REPLAY=%s:%u%s:", options.label, s->game->name, s->config, s->failing_everywhere ? "f" : "");
    for (size_t i = 0; i < s->nr; i++)
        printf("%02x%02x%02x%02x", s->moves[i].kind, s->moves[i].a, s->moves[i].b, s->moves[i].c);
    printf("\n");
}

/* Shorten the sequence that was played when the child ended, and print it. */
static void tell_sequence(void)
{
    static struct sequence s;

    s = *now_playing;
    size_t was = s.nr;
    if (child_play(&s, CHILD_SILENT, false) == 0) {
        printf("  by itself the last sequence passes: the test was stopped, or took too long\n");
        print_replay(&s);
        return;
    }
    child_shrink(&s);
    printf("  %zu of %zu moves are enough, in config %u of %s:\n", s.nr, was, s.config, s.game->name);
    child_play(&s, CHILD_HEARD, true);
    print_replay(&s);
}

/* --- tests ------------------------------------------------------------------------------------- */
static unsigned failed, number;

static void run(const char *name, const char *file, void (*body)(const void *), const void *arg, bool is_game)
{
    if (fnmatch(options.pattern, name, 0))
        return;
    number++;
    memset(now_playing, 0, sizeof(*now_playing));
    int status = child_run(body, arg, CHILD_SILENT, SECONDS_MAX << options.depth);
    const char *base = strstr(file, "tests/native/");
    if (status == 0) {
        printf("ok %u %s # %s", number, name, base ? base : file);
        if (is_game)
            printf(" # %lu sequences, %lu moves", now_playing->played, now_playing->made);
        if (is_game && now_playing->states)
            printf(", %lu states, the farthest %u moves away", now_playing->states, now_playing->longest);
        printf("\n");
        return;
    }
    failed++;
    printf("not ok %u %s # %s\n", number, name, base ? base : file);
    if (is_game && now_playing->game) {
        tell_sequence();
    } else { /* run it once more, with output: it does the same again */
        child_run(body, arg, CHILD_HEARD, SECONDS_MAX);
        printf("  again: make test-native NATIVE=%s TEST=%s SEED=%lu\n", options.label, name, options.seed);
    }
}

static void run_game(const struct game *game)
{
    char name[64];

    snprintf(name, sizeof(name), "%s.random", game->name);
    run(name, game->file, body_random, game, true);
    snprintf(name, sizeof(name), "%s.every_sequence", game->name);
    run(name, game->file, body_every, game, true);
    snprintf(name, sizeof(name), "%s.failing_allocations", game->name);
    if (game->allocates)
        run(name, game->file, body_failing, game, true);
}

static int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

static int replay_aloud(const struct sequence *s)
{
    int status = child_play(s, CHILD_HEARD, true);

    printf(status ? "it fails\n" : "it passes\n");
    return status != 0;
}

/* GAME:CONFIG[f]:HEX, as a failure prints it, or file:PATH. */
static int replay(const char *text)
{
    static struct sequence s;

    if (!strncmp(text, "file:", 5) && read_file(text + 5, &s))
        return replay_aloud(&s);
    const char *colon = strchr(text, ':');
    char *rest = NULL;

    s.game = colon ? game_by_name(text, (size_t)(colon - text)) : NULL;
    if (s.game)
        s.config = (unsigned)strtoul(colon + 1, &rest, 10) % s.game->configs;
    if (rest && *rest == 'f') {
        s.failing_everywhere = true;
        rest++;
    }
    if (!rest || *rest++ != ':') {
        fprintf(stderr, "REPLAY=%s: GAME:CONFIG:MOVES, as a failing test prints it, or file:PATH, please\n", text);
        return 2;
    }
    for (u8 *byte = (u8 *)s.moves; s.nr < SEQUENCE_MAX * 4 && hex_digit(rest[0]) >= 0 && hex_digit(rest[1]) >= 0; rest += 2)
        byte[s.nr++] = (u8)(hex_digit(rest[0]) << 4 | hex_digit(rest[1]));
    s.nr /= 4;
    return replay_aloud(&s);
}

int main(int argc, char **argv)
{
    const char *sequence_text = NULL;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--seed"))
            options.seed = strtoul(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--depth"))
            options.depth = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--test"))
            options.pattern = argv[i + 1];
        else if (!strcmp(argv[i], "--corpus"))
            options.corpus = argv[i + 1];
        else if (!strcmp(argv[i], "--label"))
            options.label = argv[i + 1];
        else if (!strcmp(argv[i], "--replay"))
            sequence_text = argv[i + 1];
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    child_init();
    if (sequence_text)
        return replay(sequence_text);
    for (unsigned i = 0; i < nr_games; i++)
        run_game(games[i]);
    for (const struct native_test *t = native_tests; t->name; t++)
        run(t->name, t->file, body_test, t, false);
    if (options.corpus)
        run("corpus.replay", "tests/native/corpus", body_corpus, options.corpus, true);
    printf("1..%u\n", number);
    return failed != 0;
}
#endif
