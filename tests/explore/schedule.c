/* SPDX-License-Identifier: MIT */
/*
 * All schedules of one pair or triple with so many changes of CPU: each schedule that was run shows at which of its
 * places one more change could make a difference (access.c), and these changes are tried next.
 */
#include "pair.h"
#include "../native/play/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOUND_MAX  40000u
#define ROUNDS_MAX 8u

/* A place that a change may come before. */
struct found {
    u32 place;
    u8 cpu;     /* the CPU that runs there */
    bool newly; /* earlier rounds haven't tried it */
};
static struct found found[CHANGES_MAX + 1][FOUND_MAX];
static unsigned nr_found[CHANGES_MAX + 1];
static const struct schedule *now;
static struct pair_count *count;

void schedule_place(enum meeting meeting);

void schedule_place(enum meeting meeting)
{
    unsigned depth = now ? now->nr_changes : 0;

    if (!now || changes_made < depth || (depth && places_passed <= now->change[depth - 1].place) ||
        nr_found[depth] == FOUND_MAX)
        return;
    found[depth][nr_found[depth]++] = (struct found){(u32)places_passed, (u8)running, meeting == MEETS_NEWLY};
}

static void run(const struct pair *pair, const struct schedule *s, bool counts)
{
    now = s;
    nr_found[s->nr_changes] = 0;
    races_looked_for = s->nr_changes <= 1;
    bool good = pair_run(pair, s);
    now = NULL;
    if (!counts)
        return;
    count->schedules++;
    if (good)
        return;
    if (!count->wrong++)
        count->first_wrong = *s;
}

/* s, and everything that it leads to with up to `max` changes. `fresh`: an earlier round hasn't run it. */
static void descend(const struct pair *pair, struct schedule *s, unsigned max, bool fresh)
{
    unsigned depth = s->nr_changes;

    run(pair, s, fresh);
    if (depth == max)
        return;
    for (unsigned i = 0; i < nr_found[depth] && count->schedules < count->limit; i++) {
        struct found f = found[depth][i];
        if (depth + 1 == max && !fresh && !f.newly)
            continue;
        for (u8 to = 0; to < s->nr_cpus; to++) {
            if (to == f.cpu)
                continue;
            s->change[depth] = (struct change){f.place, to};
            s->nr_changes = (u8)(depth + 1);
            descend(pair, s, max, fresh || f.newly);
            s->nr_changes = (u8)depth;
        }
    }
}

static bool next_order(u8 *order, unsigned nr)
{
    for (unsigned i = nr - 1; i-- > 0;) {
        if (order[i] > order[i + 1])
            continue;
        unsigned k = nr - 1;
        while (order[k] < order[i])
            k--;
        u8 t = order[i];
        order[i] = order[k];
        order[k] = t;
        for (unsigned a = i + 1, b = nr - 1; a < b; a++, b--)
            t = order[a], order[a] = order[b], order[b] = t;
        return true;
    }
    return false;
}

static void all_orders(const struct pair *pair, unsigned changes)
{
    struct schedule s = {.nr_cpus = (u8)pair->nr, .order = {0, 1, 2}};

    do
        descend(pair, &s, changes, count->round == 0);
    while (next_order(s.order, pair->nr) && count->schedules < count->limit);
}

void schedules_run(const struct pair *pair, unsigned changes, u64 limit, struct pair_count *c)
{
    count = c;
    count->limit = limit;
    for (count->round = 0; count->round < ROUNDS_MAX; count->round++) {
        if (!accesses_settle() && count->round > 0) /* pair_begin() has found out what the whole operations touch */
            break;
        all_orders(pair, changes);
    }
    count->cut = count->schedules >= limit;
}

/* --- as text ----------------------------------------------------------------------------------- */
void schedule_print(char *text, size_t size, const struct schedule *s)
{
    size_t n = 0;

    for (unsigned i = 0; i < s->nr_cpus; i++)
        n += (size_t)snprintf(text + n, size - n, "%u", s->order[i]);
    for (unsigned i = 0; i < s->nr_changes; i++) {
        n += (size_t)snprintf(text + n, size - n, "%c%u", i ? ',' : ':', s->change[i].place);
        if (s->nr_cpus > 2)
            n += (size_t)snprintf(text + n, size - n, "@%u", s->change[i].to);
    }
}

bool schedule_parse(const char *text, unsigned nr_cpus, struct schedule *s)
{
    u8 seen = 0;

    *s = (struct schedule){.nr_cpus = (u8)nr_cpus};
    for (unsigned i = 0; i < nr_cpus; i++, text++) {
        unsigned cpu = (unsigned)(*text - '0');
        if (cpu >= nr_cpus || seen & 1u << cpu)
            return false;
        seen |= (u8)(1u << cpu);
        s->order[i] = (u8)cpu;
    }
    while (*text) {
        char *rest;
        if ((*text != ':' && *text != ',') || s->nr_changes == CHANGES_MAX)
            return false;
        u32 place = (u32)strtoul(text + 1, &rest, 10);
        u8 turn = nr_cpus == 2
                      ? 0
                      : (u8)(*rest == '@' ? strtoul(rest + 1, &rest, 10) : 9); /* with two CPUs it is the other one */
        if (rest == text + 1 || (nr_cpus > 2 && turn >= nr_cpus))
            return false;
        s->change[s->nr_changes++] = (struct change){place, turn};
        text = rest;
    }
    return true;
}
