/* SPDX-License-Identifier: MIT */
/*
 * Sequences are played in child processes, because one that goes wrong may end in an AddressSanitizer report or
 * hang. What the child plays at the moment is in memory shared with the parent, which can therefore play it again.
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
};
extern struct sequence *now_playing;

void child_init(void);

/* Play *s in a child. */
int child_play(const struct sequence *s, enum child_voice voice, bool tell_moves);
/* Leave moves out as long as it still fails. */
void child_shrink(struct sequence *s);

/* In the child: play these moves, and say so to the parent first. */
void play_shared(const struct game *game, unsigned config, const struct move *moves, size_t nr);
