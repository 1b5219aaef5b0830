/* SPDX-License-Identifier: MIT */
/* Operations on address spaces: operations.h. If an operation returns success, its promise holds on every CPU at that
 * moment. */
#include "operations.h"
#include "explore.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/quota.h>

static vaddr_t area_end[SPACES_MAX];

/* --- how worlds begin -------------------------------------------------------------------------- */
static struct mm *space(void)
{
    struct mm *mm = mm_create();

    if (!scene.quota)
        scene.quota = quota_create(100000);
    CHECK(mm && scene.quota, "there is memory", "there is none");
    mm_set_quota(mm, scene.quota);
    return mm;
}

void begin_private(unsigned s, unsigned pages)
{
    vaddr_t addr = BASE;

    scene.mm[s] = space();
    area_end[s] = PAGE(pages);
    CHECK_EQ(mm_map(scene.mm[s], &addr, pages * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0,
             "mm_map()", "there is memory");
}

void begin_shared(unsigned s, unsigned pages)
{
    vaddr_t addr = BASE;

    scene.mm[s] = space();
    area_end[s] = PAGE(pages);
    CHECK_EQ(
        mm_map(scene.mm[s], &addr, pages * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, scene.object, 0),
        0, "mm_map()", "there is memory");
}

void begin_cloned(void)
{
    scene.mm[1] = mm_clone(scene.mm[0]);
    area_end[1] = area_end[0];
    CHECK(scene.mm[1], "there is memory", "there is none");
}

void begin_written(unsigned cpu, unsigned s, unsigned first, unsigned nr)
{
    cpu_play(cpu);
    for (unsigned p = first; p < first + nr; p++) {
        u64 value = 7 + p;
        CHECK_EQ(user_touch(scene.mm[s], PAGE(p), ACCESS_WRITE, &value), 0, "a store", "there is memory");
    }
    mm_activate(NULL); /* a space that is loaded on a CPU isn't freed; the TLB keeps its contents */
    cpu_play(0);
    scene.first = pte_pfn(mm_lookup(scene.mm[0], BASE));
}

void begin_held(unsigned s)
{
    scene.pfn = pte_pfn(mm_lookup(scene.mm[s], PAGE(3)));
    scene.folio = pfn_folio_get(scene.pfn);
    CHECK(scene.folio, "page 3 is mapped", "it isn't");
}

bool remembered(pfn_t pfn, u64 nr)
{
    bool found = false;

    for (unsigned i = 0; i < SPACES_MAX; i++)
        found = found || (scene.mm[i] && tlb_shows(scene.mm[i], pfn, nr));
    for (unsigned i = 0; i < OPERATIONS_MAX; i++)
        found = found || (scene.child[i] && tlb_shows(scene.child[i], pfn, nr));
    return found;
}

/* --- accesses of a program --------------------------------------------------------------------- */
static long touch(unsigned s, unsigned page, unsigned access)
{
    u64 value = 1000;
    long err = user_touch(scene.mm[s], PAGE(page), access, &value);

    return err ? err : access == ACCESS_READ ? (long)value : 0;
}

long op_write(void) { return touch(0, 3, ACCESS_WRITE); }
long op_write_far(void) { return touch(0, 5, ACCESS_WRITE); }
long op_write_second(void) { return touch(1, 3, ACCESS_WRITE); }
long op_read(void) { return touch(0, 3, ACCESS_READ); }
long op_read_far(void) { return touch(0, 5, ACCESS_READ); }
long op_read_second(void) { return touch(1, 3, ACCESS_READ); }

/* --- ranges ------------------------------------------------------------------------------------ */
/* No CPU's TLB holds a right to that page. */
static void check_forgotten(unsigned s, unsigned page, unsigned access, const char *why)
{
    CHECK(!tlb_allows(scene.mm[s], PAGE(page), access), why,
          "a CPU still remembers a translation of page %u when the call returns", page);
}

static long munmap_pages(unsigned s, unsigned first, unsigned nr)
{
    long err = mm_unmap(scene.mm[s], PAGE(first), nr * PAGE_SIZE);

    if (!err)
        check_forgotten(s, 3, ACCESS_READ, "munmap that says 0 has made every CPU forget");
    return err;
}
static unsigned pages_of(unsigned s) { return (unsigned)((area_end[s] - BASE) >> PAGE_SHIFT); }

long op_munmap(void) { return munmap_pages(0, 0, pages_of(0)); }
long op_munmap_part(void) { return munmap_pages(0, 2, 2); }
long op_munmap_second(void) { return munmap_pages(1, 0, pages_of(1)); }

static long dontneed(unsigned s, unsigned first, unsigned nr)
{
    return mm_madvise(scene.mm[s], PAGE(first), nr * PAGE_SIZE, MADV_DONTNEED);
}

long op_dontneed(void) { return dontneed(0, 0, pages_of(0)); }
long op_dontneed_part(void) { return dontneed(0, 2, 2); }
long op_dontneed_second(void) { return dontneed(1, 0, pages_of(1)); }

static long readonly(unsigned s, unsigned first, unsigned nr)
{
    long err = mm_protect(scene.mm[s], PAGE(first), nr * PAGE_SIZE, PROT_READ);

    if (!err)
        check_forgotten(s, 3, ACCESS_WRITE, "mprotect that says 0 has taken the right away on every CPU");
    return err;
}

long op_readonly(void) { return readonly(0, 0, pages_of(0)); }
long op_readonly_part(void) { return readonly(0, 2, 2); }
long op_readonly_second(void) { return readonly(1, 0, pages_of(1)); }

long op_cold(void) { return mm_madvise(scene.mm[0], BASE, area_end[0] - BASE, MADV_COLD); }
long op_populate(void) { return mm_madvise(scene.mm[0], BASE, area_end[0] - BASE, MADV_POPULATE_WRITE); }
long op_break(void) { return mm_madvise(scene.mm[0], PAGE(3), PAGE_SIZE, MADV_HWPOISON); }

long op_cache_sync(void)
{
    long err = mm_cache_sync(scene.mm[0], BASE, area_end[0] - BASE);

    scene.synced = scene.synced || !err;
    return err;
}

long op_merge(void)
{
    vaddr_t addr = area_end[0];
    return mm_map(scene.mm[0], &addr, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, NULL, 0);
}

/* --- whole spaces ------------------------------------------------------------------------------ */
static long clone_one(unsigned s)
{
    scene.child[running] = mm_clone(scene.mm[s]);
    return scene.child[running] ? 0 : -ENOMEM;
}

long op_fork(void) { return clone_one(0); }
long op_fork_second(void) { return clone_one(1); }

long op_exit_second(void)
{
    struct mm *mm = scene.mm[1];

    scene.mm[1] = NULL;
    mm_put(mm);
    return 0;
}

/* --- holes that are shown ---------------------------------------------------------------------- */
long op_write_shown(void)
{
    u64 value = 9;
    return user_touch(scene.mm[0], scene.shown[0], ACCESS_WRITE, &value);
}

void begin_shown_hole(void)
{
    scene_begin(1024);
    begin_private(0, 1);
    begin_private(1, 1);
    scene.folio = folio_alloc(3, FOLIO_ZERO);
    scene.pfn = scene.folio->pfn + 3;
    begin_hole();
    CHECK_EQ(mm_map_hole(scene.mm[0], &scene.shown[0], scene.hole, PROT_READ | PROT_WRITE), 0, "mm_map_hole()",
             "there is memory");
}

void look_at_three(void)
{
    scene_look(0, PAGE(0));
    scene_look(0, PAGE(3));
    scene_look(0, PAGE(5));
}
