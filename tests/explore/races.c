/* SPDX-License-Identifier: MIT */
/*
 * Data races: two CPUs access the same bytes, at least one access is a write, at least one is a plain one, and nothing
 * orders them. Order is "happens before" as in C11, computed by vector clocks: an acquire that reads what a release
 * wrote, fences with the atomic or volatile accesses around them, and requests that other CPUs have served. A volatile
 * read of eight bytes counts as an acquire: accesses through a pointer come after the read of this pointer (Linux calls
 * this an address dependency; all machines keep it).
 */
#include "explore.h"
#include "pair.h"
#include <string.h>

#define CELLS (1u << 14)

struct clock {
    u32 of[OPERATIONS_MAX];
};

/* The last access of a CPU to four bytes. */
struct last {
    u32 clock; /* 0: nothing */
    u8 bytes;  /* the bytes of the four, a bit each */
    u8 kind;
    const void *pc;
};
static struct cell {
    u64 unit, life;
    struct clock released;                                         /* the clock that an acquire of this location gets */
    struct last read[2][OPERATIONS_MAX], write[2][OPERATIONS_MAX]; /* of each half */
} cells[CELLS];
static u64 life;
static unsigned nr_cpus_here;
static struct clock clocks[OPERATIONS_MAX], fence_released[OPERATIONS_MAX], fence_acquired[OPERATIONS_MAX];
bool races_looked_for;

void races_begin(unsigned cpus)
{
    nr_cpus_here = cpus;
    life++;
    memset(clocks, 0, sizeof(clocks));
    memset(fence_released, 0, sizeof(fence_released));
    memset(fence_acquired, 0, sizeof(fence_acquired));
    for (unsigned i = 0; i < cpus; i++)
        clocks[i].of[i] = 1;
}

static struct cell *cell_of(u64 unit)
{
    u32 i = (u32)((unit * 0x9e3779b97f4a7c15UL) >> 50);

    while (cells[i].life == life && cells[i].unit != unit)
        i = (i + 1) % CELLS;
    if (cells[i].life != life)
        cells[i] = (struct cell){.unit = unit, .life = life};
    return &cells[i];
}

static void join(struct clock *to, const struct clock *from)
{
    for (unsigned i = 0; i < nr_cpus_here; i++)
        to->of[i] = MAX(to->of[i], from->of[i]);
}

/* --- synchronisation --------------------------------------------------------------------------- */
void races_acquire(const void *at, unsigned cpu, bool relaxed)
{
    join(relaxed ? &fence_acquired[cpu] : &clocks[cpu], &cell_of((u64)at / 8)->released);
}

void races_release(const void *at, unsigned cpu, bool relaxed, bool keeps_older)
{
    struct clock *released = &cell_of((u64)at / 8)->released;

    /* Eight bytes are one location here: the other half's releases stay. */
    (void)keeps_older;
    join(released, relaxed ? &fence_released[cpu] : &clocks[cpu]);
    clocks[cpu].of[cpu]++;
}

void races_fence(unsigned cpu, bool acquire, bool release)
{
    if (acquire)
        join(&clocks[cpu], &fence_acquired[cpu]);
    if (release)
        fence_released[cpu] = clocks[cpu];
    clocks[cpu].of[cpu]++;
}

void races_rendezvous(void)
{
    struct clock all = {{0}};

    for (unsigned i = 0; i < nr_cpus_here; i++)
        join(&all, &clocks[i]);
    for (unsigned i = 0; i < nr_cpus_here; i++) {
        clocks[i] = all;
        clocks[i].of[i]++;
    }
}

/* --- accesses ---------------------------------------------------------------------------------- */
static void found(const void *at, const struct last *before, unsigned other, enum access kind, unsigned cpu,
                  const void *pc)
{
    if (!pair_counts)
        return;
    for (unsigned i = 0; i < pair_counts->nr_races; i++) {
        const struct race *r = &pair_counts->races[i];
        if ((r->first.pc == before->pc && r->second.pc == pc) || (r->first.pc == pc && r->second.pc == before->pc))
            return;
    }
    if (pair_counts->nr_races == RACES_MAX)
        return;
    struct race *r = &pair_counts->races[pair_counts->nr_races++];
    *r = (struct race){.first = {before->pc, before->kind, other}, .second = {pc, kind, cpu}, .at = at};
    report_place_name(r->where, sizeof(r->where), at);
}

static void look(const void *at, const struct last *before, unsigned other, u8 bytes, enum access kind, unsigned cpu,
                 const void *pc)
{
    if (before->clock && before->bytes & bytes && (access_plain(kind) || access_plain(before->kind)) &&
        before->clock > clocks[cpu].of[other])
        found(at, before, other, kind, cpu, pc);
}

/* Four bytes, or some of them. */
static void access_half(u64 at, u8 bytes, enum access kind, unsigned cpu, const void *pc)
{
    struct cell *c = cell_of(at / 8);
    unsigned half = at / 4 % 2;
    bool write = access_writes(kind);

    for (unsigned other = 0; other < nr_cpus_here; other++) {
        if (other == cpu)
            continue;
        look((const void *)at, &c->write[half][other], other, bytes, kind, cpu, pc);
        if (write)
            look((const void *)at, &c->read[half][other], other, bytes, kind, cpu, pc);
    }
    struct last *mine = write ? &c->write[half][cpu] : &c->read[half][cpu];
    if (mine->clock == clocks[cpu].of[cpu] && mine->bytes == bytes && access_plain(mine->kind) && !access_plain(kind))
        return; /* keep the plain access, with which more accesses race */
    *mine = (struct last){clocks[cpu].of[cpu], bytes, (u8)kind, pc};
}

void races_access(const void *at, size_t size, enum access kind, unsigned cpu, const void *pc)
{
    u64 from = (u64)at, end = from + size;

    if (size >= PAGE_SIZE) /* whole frames: their contents belong to programs */
        return;
    while (from < end) {
        u64 stop = MIN(end, (from / 4 + 1) * 4);
        access_half(from / 4 * 4, (u8)(((1u << (stop - from)) - 1) << from % 4), kind, cpu, pc);
        from = stop;
    }
}
