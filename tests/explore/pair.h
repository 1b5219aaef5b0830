/* SPDX-License-Identifier: MIT */
/* Pairs and triples: operations that meet on a stage, the possible results, and the number of schedules tried. */
#pragma once

#include "explore.h"
#include "stage.h"

struct pair {
    const struct stage *stage;
    unsigned nr;
    const struct operation *operation[OPERATIONS_MAX];
    unsigned changes; /* the most changes in the long form */
};

void pair_name(char *text, size_t size, const struct pair *pair); /* "stage.first+second" */

/* The progress of one pair; shared with the process that prints. */
struct pair_count {
    u64 schedules, wrong, limit, round;
    bool cut;      /* there would be more schedules than `limit` */
    bool finished; /* the process came to its end */
    struct schedule first_wrong, playing;
    unsigned nr_races;
    struct race races[RACES_MAX];
};
extern struct pair_count *pair_counts; /* of the pair that this process plays */

/* Find the result of each order of the whole operations; false: one of these fails already. */
bool pair_begin(const struct pair *pair);
/* One schedule from power on to power off. False: something is wrong. */
bool pair_run(const struct pair *pair, const struct schedule *s);
/* All schedules with at most so many changes, up to `limit` of them. */
void schedules_run(const struct pair *pair, unsigned changes, u64 limit, struct pair_count *count);
