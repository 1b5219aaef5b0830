/* SPDX-License-Identifier: MIT */
/*
 * Games: a part of mm or uv/core, a slow and simple model of it, and moves that are made on both. After every move the
 * two are compared; after the last move everything is given back, and nothing may be left.
 *
 * A move is four bytes, a sequence of moves is a string of bytes. Random tests, exhaustive tests, the fuzzer and a
 * person's REPLAY= all end in play_sequence().
 */
#pragma once

#include "check.h"
#include <quire/types.h>

struct move {
    u8 kind, a, b, c;
};

struct game {
    const char *name, *file;
    unsigned configs;                   /* sizes of the world, 0: the smallest */
    unsigned kinds;                     /* moves have kind % kinds */
    void (*begin)(unsigned config);
    bool (*step)(struct move m);        /* false: the move makes no sense here, nothing was done */
    void (*check)(void);                /* compare everything with the model */
    void (*end)(void);                  /* give everything back, compare what is left */
    /* All that decides how it can go on, as one number: then the exhaustive test extends one sequence to each state
     * only. NULL: it extends every sequence. */
    u64 (*state)(void);
    /* The moves that the exhaustive test tries in each place, for a config; returns how many. */
    size_t (*alphabet)(unsigned config, struct move *moves, size_t max);
    unsigned exhaustive_depth;          /* moves in a sequence, NATIVE_DEPTH=0 */
    unsigned exhaustive_config;
    unsigned random_sequences, random_moves;
    bool allocates;                     /* its moves allocate memory, and allocations may fail */
};

extern const struct game buddy_game, folio_game, mm_game, uv_game;
extern const struct game *const games[];
extern const unsigned nr_games;
const struct game *game_by_name(const char *name, size_t len);

/*
 * Play from power on to power off. Ends through fail() if something is wrong. Returns how many moves were made;
 * *state, if it isn't NULL: the game's state behind them.
 */
size_t play_sequence(const struct game *game, unsigned config, const struct move *moves, size_t nr, u64 *state);

/*
 * The n-th allocation fails, for every n: in this mode each move is tried with its first, second, ... allocation
 * failing, until no allocation fails; after each failure nothing may have changed.
 *   RETRY(err = mm_unmap(...), err == -ENOMEM);
 */
extern bool failing_everywhere;
#define RETRY(call, failed)                                                                        \
    do {                                                                                           \
        u64 n_ = failing_everywhere;                                                               \
        do {                                                                                       \
            play_arm(n_);                                                                          \
            call;                                                                                  \
        } while (play_failure_happened(n_) && (failed) && play_unchanged(n_++));                   \
    } while (0)
void play_arm(u64 n);
bool play_failure_happened(u64 n);
bool play_unchanged(u64 n); /* checks that nothing has changed; returns true */
/* Whether the last RETRY ended with a move that succeeded although one of its allocations failed. */
extern bool failure_survived;

/* A seeded source of numbers (xorshift64*, Vigna 2016). */
struct random {
    u64 state;
};
u64 random_next(struct random *r);
