/* SPDX-License-Identifier: MIT */
/*
 * Which operation touches which memory. If no access of another operation conflicts with an access, a change of CPU
 * before it leads to nothing that a later change doesn't lead to as well. So only conflicting places are tried. The
 * memory that the operations of a pair touch is collected over all of its schedules: if a schedule shows new conflicts,
 * another round tries them (schedule.c), until there are none.
 *
 * A change also leads to nothing new if both sides make all conflicting accesses with the same lock held: their order
 * is decided where the lock is taken, and this is a place of its own. So for each unit and operation this file records
 * the locks under which every access was made.
 *
 * Memory is recorded in units of eight bytes; accesses that fill or copy frames are recorded by the frame.
 */
#include "explore.h"
#include "../native/machine/machine.h"
#include <quire/log.h>
#include <string.h>

#define UNITS_MAX (1u << 15)
#define BULK      PAGE_SIZE

/* What operations did to a unit, two bits each, reads and writes; and the locks that each of them always held then. */
struct state {
    u8 bits;
    struct locks always[OPERATIONS_MAX];
};

/* The state now, at the last accesses_settle(), and at the one before. */
struct seen {
    struct state now, settled, before;
};

static struct unit {
    u64 unit; /* address / 8; 0: nothing is here */
    struct seen seen;
} units[UNITS_MAX];
static u32 used[UNITS_MAX], nr_used; /* indices, so that forgetting costs only as much as was remembered */
static struct frame_seen {
    struct seen bulk, parts; /* accesses to the whole frame; to eight bytes somewhere in it */
} frames[WORLD_MAX_FRAMES];
static bool grown;

static u8 bits_of(unsigned cpu, bool write) { return (u8)((write ? 2u : 1u) << (2 * cpu)); }

/* Whether another operation's accesses conflict with this access. */
static bool conflicts(const struct state *s, unsigned cpu, bool write, const struct locks *held)
{
    for (unsigned other = 0; other < OPERATIONS_MAX; other++)
        if (other != cpu && s->bits & (write ? 3u : 2u) << (2 * other) && !locks_exclude(held, &s->always[other]))
            return true;
    return false;
}

void accesses_forget(void)
{
    for (u32 i = 0; i < nr_used; i++)
        units[used[i]] = (struct unit){0};
    nr_used = 0;
    memset(frames, 0, sizeof(frames));
    grown = false;
    locks_forget();
}

static void settle(struct seen *s)
{
    s->before = s->settled;
    s->settled = s->now;
}

bool accesses_settle(void)
{
    bool news = grown;

    for (u32 i = 0; i < nr_used; i++)
        settle(&units[used[i]].seen);
    for (u64 i = 0; i < WORLD_MAX_FRAMES; i++) {
        settle(&frames[i].bulk);
        settle(&frames[i].parts);
    }
    grown = false;
    return news;
}

static struct seen *find(u64 unit)
{
    u32 i = (u32)((unit * 0x9e3779b97f4a7c15UL) >> 49);

    while (units[i].unit && units[i].unit != unit)
        i = (i + 1) % UNITS_MAX;
    if (!units[i].unit) {
        if (nr_used == UNITS_MAX / 2)
            panic("explore: operations touch more than %u places: raise UNITS_MAX", UNITS_MAX / 2);
        units[i].unit = unit;
        used[nr_used++] = i;
    }
    return &units[i].seen;
}

static void note(struct seen *s, unsigned cpu, bool write, const struct locks *held)
{
    struct locks *always = &s->now.always[cpu];
    u8 bits = bits_of(cpu, write);
    bool first = !(s->now.bits & 3u << (2 * cpu));
    struct locks left = first ? *held : locks_common(always, held);

    grown = grown || !(s->now.bits & bits) || (!first && !locks_same(&left, always));
    s->now.bits |= bits;
    *always = left;
}

static enum meeting meets(const struct seen *s, unsigned cpu, bool write, const struct locks *held)
{
    return conflicts(&s->before, cpu, write, held)    ? MEETS
           : conflicts(&s->settled, cpu, write, held) ? MEETS_NEWLY
                                                      : MEETS_NOBODY;
}

static struct frame_seen *frame_of(const void *at)
{
    pfn_t pfn = address_pfn(at) - WORLD_FIRST_PFN;
    return pfn < WORLD_MAX_FRAMES ? &frames[pfn] : NULL;
}

enum meeting access_note(const void *at, size_t size, bool write, unsigned cpu)
{
    const struct locks *held = &locks_of[cpu];
    enum meeting found = MEETS_NOBODY;

    /* whole frames are recorded by the frame, all other accesses by the unit */
    bool bulk = size >= BULK && frame_of(at);

    for (const u8 *p = at, *end = p + size; bulk && p < end; p += PAGE_SIZE) {
        struct frame_seen *f = frame_of(p);
        if (!f)
            continue;
        note(&f->bulk, cpu, write, held);
        found = MAX(found, MAX(meets(&f->bulk, cpu, write, held), meets(&f->parts, cpu, write, held)));
    }
    for (u64 unit = (u64)at / 8, end = ((u64)at + size + 7) / 8; !bulk && unit < end; unit++) {
        struct seen *s = find(unit);
        struct frame_seen *f = frame_of((const void *)(unit * 8));
        note(s, cpu, write, held);
        found = MAX(found, meets(s, cpu, write, held));
        if (f) {
            note(&f->parts, cpu, write, held);
            found = MAX(found, meets(&f->bulk, cpu, write, held));
        }
    }
    return found;
}
