/* SPDX-License-Identifier: MIT */
/* The games about mm, and failing allocations: see play.h. */
#include "../machine/machine.h"
#include "play.h"
#include <quire/fail.h>

/* With another machine's page-table entries only games that touch entries are played again. */
const struct game *const games[] = {
    &mm_game,
#ifndef FORMAT_ONLY
    &folio_game,
    &buddy_game,
#endif
};
const unsigned nr_games = ARRAY_SIZE(games);

/* --- failing allocations ----------------------------------------------------------------------- */
#define MOST_ALLOCATIONS 500

void play_arm(u64 n)
{
    failure_survived = false;
    CHECK(n < MOST_ALLOCATIONS, "an operation makes a limited number of allocations", "still failing after %lu", n);
    fail_nth(n);
}

bool play_failure_happened(u64 n)
{
    bool happened = fail_nth(0) == 0 && n;

    failure_survived = happened;
    return happened;
}
