/* SPDX-License-Identifier: MIT */
/*
 * Who touches what. A change of CPU before an access that no other operation's access conflicts with leads to nothing that
 * a change somewhere later doesn't lead to as well, so only conflicting places are tried. What the operations of a pair
 * touch is collected over all of its schedules: a schedule that leads to new conflicts is followed by a round that tries
 * those (schedule.c), until there are none.
 *
 * Memory is looked at in units of eight bytes; what fills or copies frames, in frames.
 */
#include "explore.h"
#include "../native/machine/machine.h"
#include <quire/log.h>
#include <string.h>

#define UNITS_MAX (1u << 15)
#define BULK PAGE_SIZE

/* Two bits for each operation, reads and writes: as seen by now, and at the last accesses_settle(), and the one before. */
struct seen {
    u8 now, settled, before;
};

static struct unit {
    u64 unit; /* address / 8; 0: nothing is here */
    struct seen seen;
} units[UNITS_MAX];
static u32 used[UNITS_MAX], nr_used; /* indices, so that forgetting takes no longer than remembering */
static struct frame_seen {
    struct seen bulk, parts; /* as a whole; eight bytes somewhere in it */
} frames[WORLD_MAX_FRAMES];
static bool grown;

static u8 bits_of(unsigned cpu, bool write) { return (u8)((write ? 2u : 1u) << (2 * cpu)); }

/* What of the others is in the way of this access. */
static u8 conflicting(unsigned cpu, bool write) { return (u8)((write ? 0x3f : 0x2a) & ~(3u << (2 * cpu))); }

void accesses_forget(void)
{
    for (u32 i = 0; i < nr_used; i++)
        units[used[i]] = (struct unit){0};
    nr_used = 0;
    memset(frames, 0, sizeof(frames));
    grown = false;
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

static void note(struct seen *s, u8 bits)
{
    grown = grown || (s->now & bits) != bits;
    s->now |= bits;
}

static enum meeting meets(const struct seen *s, u8 mask)
{
    return s->before & mask ? MEETS : s->settled & mask ? MEETS_NEWLY : MEETS_NOBODY;
}

static struct frame_seen *frame_of(const void *at)
{
    pfn_t pfn = address_pfn(at) - WORLD_FIRST_PFN;
    return pfn < WORLD_MAX_FRAMES ? &frames[pfn] : NULL;
}

enum meeting access_note(const void *at, size_t size, bool write, unsigned cpu)
{
    u8 bits = bits_of(cpu, write), mask = conflicting(cpu, write);
    enum meeting found = MEETS_NOBODY;

    for (const u8 *p = at, *end = p + size; size >= BULK && p < end; p += PAGE_SIZE) {
        struct frame_seen *f = frame_of(p);
        if (!f)
            continue;
        note(&f->bulk, bits);
        found = MAX(found, MAX(meets(&f->bulk, mask), meets(&f->parts, mask)));
    }
    for (u64 unit = (u64)at / 8, end = ((u64)at + size + 7) / 8; size < BULK && unit < end; unit++) {
        struct seen *s = find(unit);
        struct frame_seen *f = frame_of((const void *)(unit * 8));
        note(s, bits);
        found = MAX(found, meets(s, mask));
        if (f) {
            note(&f->parts, bits);
            found = MAX(found, meets(&f->bulk, mask));
        }
    }
    return found;
}
