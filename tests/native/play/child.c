/* SPDX-License-Identifier: MIT */
/* Playing sequences in child processes, and making a failing one shorter: see child.h. */
#ifndef FUZZING
#include "child.h"
#include "story.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_MAX_REPLAY 5 /* for one sequence, which takes milliseconds */
#define HANGS_MAX 6          /* after so many hangs the shortening ends */

struct sequence *now_playing;

void child_init(void)
{
    now_playing = mmap(NULL, sizeof(*now_playing), 3 /* read, write */, 0x21 /* shared, anonymous */, -1, 0);
    if (now_playing == (void *)-1) {
        perror("native: mmap");
        exit(2);
    }
}

void story_over(void) { _exit(1); }

void play_shared(const struct game *game, unsigned config, const struct move *moves, size_t nr, u64 *state)
{
    struct sequence *s = now_playing;

    s->game = game;
    s->config = config;
    s->failing_everywhere = failing_everywhere;
    s->nr = nr;
    memcpy(s->moves, moves, nr * sizeof(*moves));
    s->made += play_sequence(game, config, s->moves, nr, state);
    s->played++;
}

static void play_again(const void *arg)
{
    const struct sequence *s = arg;

    failing_everywhere = s->failing_everywhere;
    play_sequence(s->game, s->config, s->moves, s->nr, NULL);
}

static void play_aloud(const void *arg)
{
    telling = true;
    play_again(arg);
}

int child_play(const struct sequence *s, enum child_voice voice, bool tell_moves)
{
    return child_run(tell_moves ? play_aloud : play_again, s, voice, SECONDS_MAX_REPLAY);
}

static unsigned hangs;

/* Without moves [at, at + nr); true: it still fails, and is shorter now. */
static bool try_without(struct sequence *s, size_t at, size_t nr)
{
    static struct sequence shorter;

    shorter = *s;
    memmove(shorter.moves + at, shorter.moves + at + nr, (shorter.nr - at - nr) * sizeof(struct move));
    shorter.nr -= nr;
    int status = child_play(&shorter, CHILD_SILENT, false);
    hangs += WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    if (status == 0)
        return false;
    *s = shorter;
    return true;
}

void child_shrink(struct sequence *s)
{
    hangs = 0;
    for (size_t piece = s->nr / 2; piece > 0; piece /= 2) {
        bool shorter = true;
        while (shorter && hangs < HANGS_MAX) {
            shorter = false;
            /* from the end, because most of these moves are never reached */
            for (size_t at = s->nr; at >= piece && hangs < HANGS_MAX; at -= piece)
                shorter |= try_without(s, at - piece, piece);
            if (piece > 1)
                break;
        }
    }
}
#endif
