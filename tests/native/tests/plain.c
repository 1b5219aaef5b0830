/* SPDX-License-Identifier: MIT */
/*
 * Machines whose entries are invalidated by an instruction (ARCH_FLUSH_ON_CLEAR) need it only while another CPU has the
 * table loaded: plain_begin() in <quire/batch.h>. Other machines never need it.
 */
#include "all.h"
#include "../machine/machine.h"
#include "../play/check.h"
#include <quire/batch.h>
#include <quire/counters.h>

#define BASE (8UL * MiB)
#define RW (PROT_READ | PROT_WRITE)
#define OTHER (1u << 1) /* the bit of a CPU that isn't playing */

static struct mm *touched_space(u64 pages)
{
    struct mm *mm = mm_create();
    vaddr_t addr = BASE;
    u64 value = 1;

    CHECK(mm && !mm_map(mm, &addr, pages * PAGE_SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0),
          "there is memory", "no address space");
    CHECK_EQ(mm_madvise(mm, BASE, pages * PAGE_SIZE, MADV_NOHUGEPAGE), 0, "mm_madvise()", "nothing is wrong with it");
    for (u64 i = 0; i < pages; i++)
        CHECK_EQ(user_touch(mm, BASE + i * PAGE_SIZE, ACCESS_WRITE, &value), 0, "user_touch()", "there is memory");
    return mm;
}

/* Calls fn, and says how many entries were invalidated by the instruction, and how many flushes there were. */
static void expect(const char *what, void (*fn)(struct mm *), struct mm *mm, u64 invalidations, u64 flushes)
{
    u64 before = world_invalidations, flushed = this_cpu()->counters[COUNTER_FLUSH_LOCAL];

    fn(mm);
    CHECK_EQ(world_invalidations - before, invalidations, what,
             "each entry is invalidated by the instruction while another CPU has the table, and none otherwise");
    CHECK_EQ(this_cpu()->counters[COUNTER_FLUSH_LOCAL] - flushed, flushes, what,
             "one flush follows plain stores, and none is needed after the instruction");
    CHECK_EQ(mm->root.storing, 0, "CPUs that make plain stores", "plain_end() follows each plain_begin()");
}

static void unmap_some(struct mm *mm) /* the last part of the area: the table stays */
{
    static u64 left = 16;

    left = mm->nr_mapped - 4;
    CHECK_EQ(mm_unmap(mm, BASE + left * PAGE_SIZE, 4 * PAGE_SIZE), 0, "mm_unmap()", "nothing is wrong with it");
}

static void clone_once(struct mm *mm)
{
    struct mm *child = mm_clone(mm);

    CHECK(child, "there is memory", "mm_clone() = NULL");
    mm_put(child);
}

void plain_or_invalidated(void)
{
    world_begin(512, 2);
    struct mm *mm = touched_space(16);

    expect("unmapping 4 pages, loaded on this CPU alone", unmap_some, mm, 0, 1);
    expect("fork with 12 pages, loaded on this CPU alone", clone_once, mm, 0, 1);
    mm->root.loaded |= OTHER;
    expect("unmapping 4 pages, loaded on another CPU too", unmap_some, mm, 4 * ARCH_FLUSH_ON_CLEAR, 1 - ARCH_FLUSH_ON_CLEAR);
    mm->root.loaded &= ~OTHER;
    expect("unmapping 4 pages, loaded on this CPU alone again", unmap_some, mm, 0, 1);
    mm_activate(NULL);
    CHECK_EQ(mm->root.loaded, 0, "CPUs that have the table loaded", "mm_activate(NULL) lets go of it");
    mm_put(mm);
    world_end(0);
}

static struct mm *loading;
static unsigned rounds;

static void the_other_cpu_ends_its_stores(void)
{
    CHECK(this_cpu()->active_mm != loading, "a CPU waits before it loads the table", "it is loaded already");
    CHECK(loading->root.loaded & 1u << this_cpu()->cpu, "whoever waits has said so first", "`loaded` doesn't say so");
    if (++rounds == 3)
        loading->root.storing--;
}

void plain_before_a_load(void)
{
    world_begin(512, 2);
    struct mm *mm = loading = mm_create();

    rounds = 0;
    mm->root.storing = 1;
    world_waits = the_other_cpu_ends_its_stores;
    mm_activate(mm);
    world_waits = NULL;
    CHECK_EQ(rounds, 3 * ARCH_FLUSH_ON_CLEAR, "rounds of waiting", "a table is loaded after the last plain store in it");
    CHECK(this_cpu()->active_mm == mm, "the table is loaded in the end", "it isn't");
    mm_activate(NULL);
    mm->root.storing = 0;
    mm_put(mm);
    world_end(0);
}
