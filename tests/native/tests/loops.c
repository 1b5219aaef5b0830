/* SPDX-License-Identifier: MIT */
/*
 * Calls on ranges with any number of areas. Each of their loops calls preempt_point() at least once an area, so that
 * others can run, and takes at most a few steps an area.
 */
#include "all.h"
#include "../machine/machine.h"
#include "../play/check.h"
#include <quire/errno.h>
#include <quire/rmap.h>

/* Where mappings without an address begin; the native machine's own address space ends below that. */
#define BASE (USER_TOP > 1UL << 33 ? 1UL << 32 : 8 * MiB)
#define PIECES 256u /* areas side by side */
#define ALL (PIECES * PAGE_SIZE)
#define RW (PROT_READ | PROT_WRITE)

/* Areas of one page each that can't be merged; nothing is mapped in them. */
static struct mm *many_areas(void)
{
    struct mm *mm = mm_create();
    vaddr_t addr = BASE;

    world_killed = false;
    CHECK(mm && !mm_map(mm, &addr, ALL, RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), "there is memory", "no address space");
    for (unsigned i = 0; i < PIECES; i += 2)
        CHECK_EQ(mm_protect(mm, BASE + i * PAGE_SIZE, PAGE_SIZE, PROT_READ), 0, "mm_protect()", "there is memory");
    return mm;
}

static void passed(const char *what, u64 before, unsigned loops)
{
    u64 points = world_preempt_points - before, most = 4 * loops * PIECES;

    CHECK(points >= loops * PIECES - PIECES / 16, "every loop over areas lets others run once an area, or a program keeps a CPU",
          "%s of %u areas: %lu points, expected %u loops of as many", what, PIECES, (unsigned long)points, loops);
    CHECK(points <= most, "the work of a call grows with the areas, not with their square",
          "%s of %u areas: %lu steps, at most %lu expected", what, PIECES, (unsigned long)points, (unsigned long)most);
}

#define LOOPS(what, loops, call) do { \
        u64 before_ = world_preempt_points; \
        CHECK_EQ(call, 0, what, "nothing is wrong with it"); \
        passed(what, before_, loops); \
    } while (0)

static int clone_and_put(struct mm *mm)
{
    struct mm *child = mm_clone(mm);

    if (child)
        mm_put(child);
    return child ? 0 : -ENOMEM;
}

static int age(struct mm *mm)
{
    age_range(mm, BASE, BASE + ALL);
    return 0;
}

static int take_away(struct folio *f)
{
    rmap_unmap_frames(f, 0, folio_nr_pages(f));
    return 0;
}

/* Removing a page from all spaces goes through all areas that may show it. */
void loops_over_who_may_show_a_page(void)
{
    world_begin(1024, 1);
    struct mm *mm = mm_create();
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 1, NULL);

    world_killed = false;
    CHECK(mm && obj, "there is memory", "no address space or no object");
    for (unsigned i = 0; i < PIECES; i++) {
        vaddr_t addr = BASE + 2 * i * PAGE_SIZE;
        CHECK_EQ(mm_map(mm, &addr, PAGE_SIZE, RW, MAP_SHARED | MAP_FIXED, obj, 0), 0, "mm_map()", "there is memory");
    }
    struct folio *f = memobj_folio(obj, 0);
    CHECK(f, "there is memory", "no page");
    LOOPS("taking a page away", 1, take_away(f));
    folio_put(f);
    mm_put(mm);
    memobj_put(obj);
    world_end(0);
}

void loops_over_areas(void)
{
    world_begin(1024, 1);
    struct mm *mm = many_areas();
    LOOPS("madvise(DONTNEED)", 3, mm_madvise(mm, BASE, ALL, MADV_DONTNEED)); /* covered? holes? clear */
    LOOPS("madvise(COLD)", 2, mm_madvise(mm, BASE, ALL, MADV_COLD));
    LOOPS("madvise(HUGEPAGE)", 2, mm_madvise(mm, BASE, ALL, MADV_HUGEPAGE));
    LOOPS("ageing", 1, age(mm));
    LOOPS("fork", 2, clone_and_put(mm)); /* and the end of the child */
    LOOPS("munmap", 2, mm_unmap(mm, BASE, ALL)); /* clear, free */
    mm_put(mm);
    mm = many_areas();
    LOOPS("mprotect", 5, mm_protect(mm, BASE, ALL, PROT_NONE)); /* covered? allowed? areas, entries, merge */
    mm_put(mm);
    world_end(0);
}

/* A call that a kill interrupts before it has changed anything changes nothing. */
void loops_hear_a_kill(void)
{
    world_begin(1024, 1);
    struct mm *mm = many_areas();
    vaddr_t addr = 0;

    world_killed = true;
    CHECK_EQ(mm_protect(mm, BASE, ALL, PROT_NONE), -ENOMEM, "mm_protect()", "it stops while it looks");
    CHECK_EQ(mm_madvise(mm, BASE, ALL, MADV_DONTNEED), -ENOMEM, "mm_madvise()", "it stops while it looks");
    CHECK_EQ(mm_map(mm, &addr, USER_TOP / 2, RW, MAP_PRIVATE, NULL, 0), -ENOMEM, "mm_map()", "it stops while it looks");
    CHECK(!mm_clone(mm), "fork() ends at a kill", "a child");
    world_killed = false;
    for (unsigned i = 0; i < PIECES; i++)
        CHECK_EQ(area_find(mm, BASE + i * PAGE_SIZE)->prot, i % 2 ? RW : PROT_READ, "protection of an area",
                 "what was interrupted has changed nothing");
    mm_put(mm);
    world_end(0);
}
