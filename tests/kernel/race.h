/* SPDX-License-Identifier: MIT */
/*
 * RACE(a, b): two functions on two CPUs, with the change of CPU at every instruction of b.
 *
 * Under -icount a simulated machine runs one CPU at a time, and a CPU that sets its own timer ends its turn: the other
 * CPU runs until the deadline, then this CPU goes on. So with "deadline n ahead, then a" the other CPU runs about n
 * instructions of b, then all of a runs (unless a waits for b), then the rest of b. The sweep tries every n from before
 * the beginning of b to after its end. If the machine's clock has a step of more than one instruction, some idle
 * instructions before b fill the gap. The same seed gives the same places and the same bytes.
 *
 * If b is longer than RACE_USUAL_PLACES, places are left out evenly; another SEED= tries other places. The race prints
 * how many places there were, how far apart, and how many of them inside b. APPEND=race_places=100000 tries every one.
 * With one CPU, a runs before b and then after it. With one host thread for each CPU (PARALLEL=1) the places are
 * random.
 *
 *   RACE(punch, fault, .before = make_object, .after = nothing_shows_the_hole);
 *
 * Each round calls before(), the race, after(), which checks the promise; the first round that fails prints where b
 * was. All functions run in kernel threads. a runs with interrupts off, so that its CPU's own timer doesn't come first.
 */
#pragma once

#include "helpers.h"

#define RACE_USUAL_PLACES 250u /* rounds of one sweep */

struct race {
    void (*a)(void), (*b)(void);
    void (*before)(void), (*after)(void); /* NULL: nothing */
    unsigned most;                        /* rounds; 0: RACE_USUAL_PLACES */
    const char *a_name, *b_name;
};

struct race_places {
    unsigned rounds, inside; /* how many of the changes came while b ran */
    bool in_turns;           /* the CPUs take turns, so the places are exact */
};

#define RACE(a_, b_, ...) race_sweep(&(struct race){.a = a_, .b = b_, .a_name = #a_, .b_name = #b_, ##__VA_ARGS__})
struct race_places race_sweep(const struct race *race);
