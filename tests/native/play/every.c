/* SPDX-License-Identifier: MIT */
/*
 * The exhaustive test: see every.h. If the last move of a sequence did nothing, the sequence is the same as without
 * this move, so it isn't extended. A game that tells its state has more to offer: of several sequences that lead to one
 * state the shortest is extended, and the others needn't be. So all longer sequences are covered by far fewer.
 */
#ifndef FUZZING
#include "every.h"
#include "child.h"
#include <stdlib.h>
#include <string.h>

#define LETTERS_MAX 64

static struct move sequence[SEQUENCE_MAX];

/* --- games without a state ----------------------------------------------------------------------------- */
struct letters {
    struct move move[LETTERS_MAX];
    size_t nr;
};

static void extend(const struct game *game, unsigned config, const struct letters *letters, size_t nr, unsigned left)
{
    for (size_t i = 0; i < letters->nr; i++) {
        u64 before = now_playing->made;
        sequence[nr] = letters->move[i];
        play_shared(game, config, sequence, nr + 1, NULL);
        if (left > 1 && now_playing->made - before == nr + 1)
            extend(game, config, letters, nr + 1, left - 1);
    }
}

/* --- games with one ------------------------------------------------------------------------------------ */
/* The shortest sequence to a state: one move behind another such sequence. */
struct reached {
    u32 from;
    u8 letter, length;
};

/* All states so far, in the order in which they were reached; and a table of their numbers with open addresses. */
struct states {
    struct reached *reached;
    u64 *table, slots;
    u32 nr, room;
};

static void *allocate(size_t nr, size_t size)
{
    void *p = calloc(nr, size);

    CHECK(p, "there is memory for all states", "%zu of them", nr);
    return p;
}

static bool put_number(u64 *table, u64 slots, u64 number)
{
    u64 at = number % slots;

    for (; table[at]; at = (at + 1) % slots)
        if (table[at] == number)
            return false;
    table[at] = number;
    return true;
}

static void make_room(struct states *s)
{
    struct states more = {.room = s->room ? 4 * s->room : 1024};

    more.slots = 4ul * more.room;
    more.table = allocate(more.slots, sizeof(*more.table));
    more.reached = allocate(more.room, sizeof(*more.reached));
    if (s->nr)
        memcpy(more.reached, s->reached, s->nr * sizeof(*s->reached));
    for (u64 i = 0; i < s->slots; i++)
        if (s->table[i])
            put_number(more.table, more.slots, s->table[i]);
    free(s->table);
    free(s->reached);
    more.nr = s->nr;
    *s = more;
}

static void note(struct states *s, u64 state, struct reached way)
{
    if (s->nr == s->room)
        make_room(s);
    if (put_number(s->table, s->slots, state ? state : 1))
        s->reached[s->nr++] = way;
}

/* Writes the sequence that leads to state number `at`. */
static size_t way_to(const struct states *s, const struct letters *letters, u32 at)
{
    size_t length = s->reached[at].length;

    for (size_t i = length; i > 0; at = s->reached[at].from)
        sequence[--i] = letters->move[s->reached[at].letter];
    return length;
}

static void extend_states(const struct game *game, unsigned config, const struct letters *letters, unsigned most)
{
    struct states s = {.nr = 0};
    u64 state;

    play_shared(game, config, sequence, 0, &state);
    note(&s, state, (struct reached){.length = 0});
    for (u32 at = 0; at < s.nr && s.reached[at].length < most; at++) {
        size_t nr = way_to(&s, letters, at);
        for (size_t i = 0; i < letters->nr; i++) {
            u64 before = now_playing->made;
            sequence[nr] = letters->move[i];
            play_shared(game, config, sequence, nr + 1, &state);
            if (now_playing->made - before == nr + 1)
                note(&s, state, (struct reached){at, (u8)i, (u8)(nr + 1)});
        }
        now_playing->states = s.nr;
        now_playing->longest = s.reached[s.nr - 1].length;
    }
    free(s.table);
    free(s.reached);
}

void every_sequence(const struct game *game, unsigned config, unsigned length)
{
    struct letters letters;

    letters.nr = game->alphabet(config, letters.move, LETTERS_MAX);
    if (game->state)
        extend_states(game, config, &letters, length);
    else
        extend(game, config, &letters, 0, length);
}
#endif
