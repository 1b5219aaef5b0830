/* SPDX-License-Identifier: MIT */
/* Playing one sequence of moves: see play.h. */
#include "play.h"
#include <string.h>

bool failing_everywhere, failure_survived;
static const struct game *playing;

const struct game *game_by_name(const char *name, size_t len)
{
    for (unsigned i = 0; i < nr_games; i++)
        if (strlen(games[i]->name) == len && !memcmp(games[i]->name, name, len))
            return games[i];
    return NULL;
}

size_t play_sequence(const struct game *game, unsigned config, const struct move *moves, size_t nr, u64 *state)
{
    size_t made = 0;

    playing = game;
    game->begin(config % game->configs);
    for (size_t i = 0; i < nr; i++) {
        struct move m = moves[i];
        m.kind = (u8)(m.kind % game->kinds);
        if (!game->step(m))
            continue;
        made++;
        game->check();
    }
    if (state)
        *state = game->state();
    tell("the end: everything is given back");
    game->end();
    return made;
}

bool play_unchanged(u64 n)
{
    tell("  (its allocation %lu failed: nothing may have changed)", n);
    failure_survived = false;
    playing->check();
    return true;
}

u64 random_next(struct random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1dUL;
}
