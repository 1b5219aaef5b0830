/* SPDX-License-Identifier: MIT */
/*
 * Sequences are played in child processes, because a failing sequence may end in an AddressSanitizer report, or hang.
 * The child keeps its current sequence in memory that it shares with the parent, so the parent can play it again.
 */
#pragma once

#include "play.h"
#include "process.h"

#define SEQUENCE_MAX 4096 /* moves */

/* What is being played; shared. */
struct sequence {
    const struct game *game;
    unsigned config;
    bool failing_everywhere;
    size_t nr;
    struct move moves[SEQUENCE_MAX];
    u64 played, made; /* sequences and moves so far, for the summary */
    u64 states;       /* the exhaustive test, of a game with states: how many were reached */
    unsigned longest; /* and by how many moves */
};
extern struct sequence *now_playing;

void child_init(void);

/* Play *s in a child. */
int child_play(const struct sequence *s, enum child_voice voice, bool tell_moves);
/* Leave out moves as long as the sequence still fails. */
void child_shrink(struct sequence *s);

/* In the child: store these moves for the parent first, then play them. *state: as play_sequence(). */
void play_shared(const struct game *game, unsigned config, const struct move *moves, size_t nr, u64 *state);
