/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer's entry: bytes become a game, a config, a mode and moves, as in the files of corpus/. Every sequence of
 * bytes is a valid game. The coverage of mm/ tells the fuzzer which moves lead to something new.
 */
#include "play.h"
#include "story.h"
#include <stdlib.h>
#include <string.h>

#ifdef FUZZING

#define MOVES_MAX 512

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t nr);

void story_over(void) { abort(); }

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t nr)
{
    static struct move moves[MOVES_MAX];

    if (nr < 2 + sizeof(struct move) || nr > 2 + sizeof(moves))
        return 0;
    memcpy(moves, bytes + 2, nr - 2);
    failing_everywhere = bytes[1] & 0x80;
    const struct game *game = games[bytes[0] % nr_games];
    play_sequence(game, (bytes[1] & 0x7f) % game->configs, moves, (nr - 2) / sizeof(struct move), NULL);
    return 0;
}

#endif
