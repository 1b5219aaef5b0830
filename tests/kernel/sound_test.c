/* SPDX-License-Identifier: MIT */
/*
 * Promises of address spaces that a caller could break without a second CPU: where memory may lie, what an entry may
 * allow, what a request may cost. Races are in tests/explore and in the suites stress*.
 */
#include "../../mm/spaces/areas.h"
#include "helpers.h"

#include <quire/cacheflush.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/memobj.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <arch-generic/machine.h>

#define RW (PROT_READ | PROT_WRITE)
#define TEST_MMAP_BASE (1UL << 32) /* where mappings without an address begin */
#define PAGES(n) ((vaddr_t)(n) << PAGE_SHIFT)

static int map_flags(struct mm *mm, vaddr_t *at, size_t len, unsigned flags)
{
    return mm_map(mm, at, len, RW, MAP_PRIVATE | flags, NULL, 0);
}

/* --- where memory may go ----------------------------------------------------------------------- */
TEST(sound, objects_dont_grow_down)
{
    struct mm *mm = mm_create();
    struct memobj *o = memobj_create(MEMOBJ_BACKED, 16, NULL);
    vaddr_t at = TEST_BASE;

    EXPECT_EQ(mm_map(mm, &at, PAGES(16), RW, MAP_SHARED | MAP_FIXED | MAP_GROWSDOWN, NULL, 0), -EINVAL);
    EXPECT_EQ(mm_map(mm, &at, PAGES(16), RW, MAP_SHARED | MAP_FIXED | MAP_GROWSDOWN, o, 0), -EINVAL);
    EXPECT_EQ(mm_map(mm, &at, PAGES(16), RW, MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN, o, 0), -EINVAL);
    EXPECT_EQ(map_flags(mm, &at, PAGES(16), MAP_FIXED | MAP_GROWSDOWN), 0);
    memobj_put(o);
    mm_put(mm);
}

TEST(sound, no_hint_takes_a_stacks_room)
{
    struct mm *mm = mm_create();
    vaddr_t stack = TEST_BASE + 64 * MiB, at;

    ASSERT_EQ(map_flags(mm, &stack, PAGES(16), MAP_FIXED | MAP_GROWSDOWN), 0);
    vaddr_t lowest = stack + PAGES(16) - STACK_LIMIT_DEFAULT - STACK_GUARD_GAP;
    vaddr_t hints[] = {stack - PAGES(1), stack - STACK_GUARD_GAP - PAGES(1), stack - MiB, lowest};
    for (unsigned i = 0; i < ARRAY_SIZE(hints); i++) {
        at = hints[i];
        EXPECT_EQ(map_flags(mm, &at, PAGES(1), 0), 0);
        EXPECT(at >= stack + PAGES(16) || at + PAGES(1) <= lowest);
        EXPECT_EQ(mm_unmap(mm, at, PAGES(1)), 0);
    }
    at = lowest - PAGES(1);
    EXPECT_EQ(map_flags(mm, &at, PAGES(1), 0), 0);
    EXPECT_EQ(at, lowest - PAGES(1));
    EXPECT_EQ(mm_fault(mm, lowest + STACK_GUARD_GAP, ACCESS_WRITE), 0); /* it still reaches its limit */
    mm_put(mm);
}

TEST(sound, a_new_stack_leaves_a_gap_below_itself)
{
    struct mm *mm = mm_create();
    vaddr_t below = TEST_BASE, stack = below + PAGES(1);

    ASSERT_EQ(map_flags(mm, &below, PAGES(1), MAP_FIXED), 0);
    EXPECT_EQ(map_flags(mm, &stack, PAGES(1), MAP_GROWSDOWN), 0);
    EXPECT(stack < below || stack >= below + PAGES(1) + STACK_GUARD_GAP);
    mm_put(mm);
}

/* --- what an entry may allow ------------------------------------------------------------------- */
static const unsigned asked[] = {PROT_WRITE, PROT_EXEC, PROT_READ};

/* The shortest time to find room behind a stack that mprotect() has cut into this many pieces. */
static u64 time_behind_stack(unsigned pieces)
{
    struct mm *mm = mm_create();
    vaddr_t at = TEST_MMAP_BASE;
    u64 least = ~0UL;

    ASSERT_EQ(mm_map(mm, &at, PAGES(pieces), RW, MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN, NULL, 0), 0);
    for (unsigned i = 0; i < pieces; i += 2)
        ASSERT_EQ(mm_protect(mm, at + PAGES(i), PAGES(1), PROT_READ), 0);
    for (unsigned tries = 0; tries < 5; tries++) {
        vaddr_t other = 0;
        u64 start = arch_clock_ns();
        ASSERT_EQ(mm_map(mm, &other, 1 * MiB, RW, MAP_PRIVATE, NULL, 0), 0);
        least = MIN(least, arch_clock_ns() - start);
        EXPECT(other >= at + PAGES(pieces));
        ASSERT_EQ(mm_unmap(mm, other, 1 * MiB), 0);
    }
    mm_put(mm);
    return least;
}

/* The room that a stack claims below itself depends on all its pieces; these are looked at once, and not again for each
 * piece. */
TEST(sound, room_behind_many_pieces_of_a_stack_is_found_at_once)
{
    u64 few = 1, many = ~0UL;

    for (unsigned tries = 0; tries < 5 && many >= 10 * few; tries++) { /* a busy host may make either time long */
        few = time_behind_stack(400);
        many = time_behind_stack(1600);
    }
    if (many >= 10 * few)
        test_fail(__FILE__, __LINE__, "4 times as many pieces take %lu times as long: their square?", many / few);
}

TEST(sound, what_may_be_used_may_be_read)
{
    for (unsigned i = 0; i < ARRAY_SIZE(asked); i++) {
        struct mm *mm = mm_create();
        vaddr_t at = TEST_BASE, other = TEST_BASE + PAGES(4);
        EXPECT_EQ(mm_map(mm, &at, PAGES(1), asked[i], MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
        EXPECT_EQ(mm_fault(mm, at, ACCESS_READ), 0);
        EXPECT_EQ(mm_map(mm, &other, PAGES(1), PROT_NONE, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
        EXPECT_EQ(mm_fault(mm, other, ACCESS_READ), -EACCES);
        EXPECT_EQ(mm_protect(mm, other, PAGES(1), asked[i]), 0);
        EXPECT_EQ(mm_fault(mm, other, ACCESS_READ), 0);
        EXPECT_EQ(area_find(mm, other)->prot, asked[i] | PROT_READ);
        mm_put(mm);
    }
}

TEST(sound, the_page_of_zeros_is_never_executable)
{
    struct mm *mm = mm_create();
    vaddr_t at = TEST_BASE;

    ASSERT_EQ(mm_map(mm, &at, PAGES(3), RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
    EXPECT_EQ(mm_fault(mm, at + PAGES(2), ACCESS_WRITE), 0);
    EXPECT_EQ(mm_fault(mm, at, ACCESS_READ), 0);
    EXPECT_EQ(mm_protect(mm, at, PAGES(3), PROT_READ | PROT_EXEC), 0);
    for (unsigned i = 0; i < 3; i++) {
        EXPECT_EQ(mm_fault(mm, at + PAGES(i), ACCESS_EXEC), 0);
        pte_t e = mm_lookup(mm, at + PAGES(i));
        EXPECT(pte_exec(e) && pte_pfn(e) != zero_pfn);
    }
    check_address_space(mm);
    mm_put(mm);
}

TEST(sound, a_holes_frames_are_never_executable)
{
    struct folio *f = folio_alloc(4, FOLIO_ZERO);
    struct insecure_mem *h;
    struct mm *mm = mm_create();
    vaddr_t at = 0;

    ASSERT_EQ(folio_punch_hole(f, 4, 2, HOLE_INSECURE, &h), 0);
    ASSERT_EQ(mm_map_hole(mm, &at, h, RW), 0);
    EXPECT_EQ(mm_protect(mm, at, PAGES(2), PROT_READ | PROT_EXEC), -EACCES);
    EXPECT_EQ(area_find(mm, at)->prot, RW);
    EXPECT(area_find(mm, at)->end == at + PAGES(2)); /* no area was split either */
    EXPECT_EQ(mm_protect(mm, at, PAGES(1), PROT_READ), 0);
    mm_unmap_hole(mm, at, h);
    EXPECT_EQ(folio_mend_hole(h), 0);
    folio_put(f);
    mm_put(mm);
}

/* No fault could bring these pages in again, so the next read would be fatal. */
TEST(sound, a_holes_pages_are_not_dropped)
{
    struct folio *f = folio_alloc(4, FOLIO_ZERO);
    struct insecure_mem *h;
    struct mm *mm = mm_create();
    vaddr_t at = 0, beside = 0;

    ASSERT_EQ(folio_punch_hole(f, 4, 2, HOLE_INSECURE, &h), 0);
    ASSERT_EQ(mm_map_hole(mm, &at, h, RW), 0);
    EXPECT_EQ(mm_madvise(mm, at, PAGES(2), MADV_DONTNEED), -EINVAL);
    EXPECT_EQ(mm_madvise(mm, at + PAGES(1), PAGES(1), MADV_DONTNEED), -EINVAL);
    EXPECT(pte_present(mm_lookup(mm, at)) && pte_present(mm_lookup(mm, at + PAGES(1))));
    ASSERT_EQ(mm_map(mm, &beside, PAGES(1), RW, MAP_PRIVATE, NULL, 0), 0);
    EXPECT_EQ(mm_madvise(mm, beside, PAGES(1), MADV_DONTNEED), 0); /* ordinary pages are still dropped */
    mm_unmap_hole(mm, at, h);
    EXPECT_EQ(folio_mend_hole(h), 0);
    folio_put(f);
    mm_put(mm);
}

/* A handle without RIGHT_WRITE: its mappings stay read-only, whatever mprotect() is called with. */
TEST(sound, an_object_that_may_not_be_written_stays_so)
{
    struct mm *mm = mm_create();
    struct memobj *o = memobj_create(MEMOBJ_BACKED, 16, NULL);
    vaddr_t at = TEST_BASE, own = TEST_BASE + MiB;

    EXPECT_EQ(mm_map(mm, &at, PAGES(4), RW, MAP_SHARED | MAP_FIXED | MAP_NOWRITE, o, 0), -EACCES);
    ASSERT_EQ(mm_map(mm, &at, PAGES(4), PROT_READ, MAP_SHARED | MAP_FIXED | MAP_NOWRITE, o, 0), 0);
    EXPECT_EQ(mm_protect(mm, at, PAGES(4), RW), -EACCES);
    EXPECT_EQ(mm_fault(mm, at, ACCESS_WRITE), -EACCES);
    ASSERT_EQ(mm_map(mm, &own, PAGES(4), PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_NOWRITE, o, 0), 0);
    EXPECT_EQ(mm_protect(mm, own, PAGES(4), RW), 0); /* a private copy may be written */
    memobj_put(o);
    mm_put(mm);
}

TEST(sound, a_group_never_spans_two_folios)
{
    struct mm *mm = mm_create();
    vaddr_t at = map_anonymous(mm, PAGES(16), RW);
    struct vma *vma = area_find(mm, at);
    struct memobj *anon = area_anon(vma);
    struct folio *f = folio_alloc(4, FOLIO_ZERO);
    pfn_t pfn = f->pfn;

    /* 1, 1, 2, 4 and 8 frames, side by side, as the buddy could give them too */
    ASSERT_EQ(folio_split_around(f, 0, 0), 0);
    for (unsigned i = 0; i < 16;) {
        struct folio *part = memdesc_pointer(memdesc_read(pfn + i));
        unsigned nr = (unsigned)folio_nr_pages(part);
        memobj_get(anon);
        part->owner = anon;
        part->index = (at >> PAGE_SHIFT) + i;
        EXPECT_EQ(map_pages(mm, vma, at + PAGES(i), part, 0, nr, RW), (int)nr);
        folio_put(part);
        i += nr;
    }
    EXPECT_EQ(mm_protect(mm, at, PAGES(16), PROT_READ), 0);
    EXPECT_EQ(mm_protect(mm, at, PAGES(16), RW), 0);
    EXPECT_EQ(touch_range(mm, at, PAGES(16), ACCESS_WRITE), 0); /* only this space maps it: written in place */
    for (unsigned i = 0; i < 16; i++) {
        unsigned level;
        EXPECT(!pte_cont(pte_load_raw(pt_walk(&mm->root, at + PAGES(i), &level))));
    }
    check_address_space(mm);
    mm_put(mm);
}

/* --- what a request may take ------------------------------------------------------------------- */
TEST(sound, cache_sync_makes_no_pages)
{
    struct mm *mm = mm_create();
    struct memobj *o = memobj_create(MEMOBJ_BACKED, 1UL << 18, NULL);
    vaddr_t at = TEST_BASE;

    ASSERT_EQ(mm_map(mm, &at, 1UL << 30, RW, MAP_SHARED | MAP_FIXED, o, 0), 0);
    EXPECT_EQ(mm_fault(mm, at + 512 * MiB, ACCESS_WRITE), 0);
    u64 before = folio_descriptors_in_use();
    u64 start = arch_clock_ns();
    EXPECT_EQ(mm_cache_sync(mm, at, 1UL << 30), 0);
    EXPECT(arch_clock_ns() - start < 20000000); /* only existing pages are looked at, not all possible ones */
    EXPECT_EQ(folio_descriptors_in_use(), before);
    memobj_put(o);
    mm_put(mm);
}

/* Every page that an object has is found, and no other. The object is empty at first, then sparse, then full around the
 * ends of nodes. */
TEST(sound, the_next_page_of_an_object)
{
    static const u64 pages[] = {0, 15, 16, 63, 64, 4095, 4096, 262143, 262144, 1000000};
    struct memobj *o = memobj_create(MEMOBJ_BACKED, 1UL << 20, NULL);

    EXPECT_EQ(memobj_next(o, 0), ~0UL);
    for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
        struct folio *f = folio_alloc(0, FOLIO_ZERO);
        ASSERT(f && memobj_add_folio(o, pages[i], f) == 0);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
        EXPECT_EQ(memobj_next(o, pages[i]), pages[i]);
        EXPECT_EQ(memobj_next(o, i ? pages[i - 1] + 1 : 0), pages[i]);
    }
    EXPECT_EQ(memobj_next(o, 1000001), ~0UL);
    EXPECT_EQ(memobj_next(o, ~0UL), ~0UL);
    EXPECT(memobj_find(o, 17) == NULL);
    memobj_put(o);
}

TEST(sound, a_large_empty_object_goes_at_once)
{
    struct memobj *o = memobj_create(MEMOBJ_BACKED, 1UL << 36, NULL);
    struct folio *f = folio_alloc(0, FOLIO_ZERO);

    ASSERT(memobj_add_folio(o, (1UL << 36) - 1, f) == 0); /* six levels of nodes */
    u64 start = arch_clock_ns();
    memobj_put(o);
    EXPECT(arch_clock_ns() - start < 1000000);
}

/* --- what is kept is charged ------------------------------------------------------------------- */
TEST(sound, areas_are_charged)
{
    struct ledger before = ledger_read();
    struct quota *q = quota_create(64);
    struct mm *mm = mm_create();
    vaddr_t at = TEST_BASE;
    u64 slabs = slab_frames(), done = 0;

    mm_set_quota(mm, q);
    ASSERT_EQ(mm_map(mm, &at, 1UL << 30, RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
    while (done < 60000 && mm_protect(mm, at + PAGES(2 * done), PAGE_SIZE, PROT_READ) == 0)
        done++;
    EXPECT(done > 100 && done < 60000);
    EXPECT(slab_frames() - slabs <= quota_limit(q));
    EXPECT_EQ(mm_protect(mm, at + PAGES(2 * done), PAGE_SIZE, PROT_READ), -ENOMEM);
    EXPECT_EQ(mm_unmap(mm, at, 1UL << 30), 0);
    EXPECT_EQ(mm_map(mm, &at, PAGES(1), RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0); /* there is room again */
    mm_put(mm);
    EXPECT_EQ(quota_used(q), 0);
    quota_put(q);
    EXPECT_LEDGER(before);
}

TEST(sound, objects_and_the_nodes_of_their_trees_are_charged)
{
    struct ledger before = ledger_read();
    struct quota *q = quota_create(64);
    struct memobj *o = memobj_create(MEMOBJ_BACKED, 1UL << 36, q);
    u64 done = 0, used = quota_used(q);

    EXPECT_EQ(used, 1);
    for (; done < 2000; done++) { /* each far from the last, so each needs its own nodes */
        struct folio *f = folio_alloc(0, 0);
        ASSERT(f != NULL);
        if (memobj_add_folio(o, done << 24, f) == 0)
            continue;
        folio_put(f);
        break;
    }
    EXPECT(done > 50 && done < 2000);
    EXPECT(quota_used(q) <= 64);
    memobj_put(o);
    EXPECT_EQ(quota_used(q), 0);
    quota_put(q);
    EXPECT_LEDGER(before);
}

/* Bytes of several objects share frames. Every frame that is charged is given back, in whatever order the objects
 * go. */
TEST(sound, bytes_are_charged_to_the_frame)
{
    struct quota *q = quota_create(3);
    u64 sizes[24], nr = 0, sum = 0;

    while (nr < 24) {
        sizes[nr] = 16 + test_rand() % 1500;
        bool ok = quota_keep(q, sizes[nr]);
        EXPECT_EQ(ok, sum + sizes[nr] <= 3 * PAGE_SIZE);
        sum += ok ? sizes[nr] : 0;
        sizes[nr] = ok ? sizes[nr] : 0;
        EXPECT_EQ(quota_used(q), DIV_ROUND_UP(sum, PAGE_SIZE));
        nr++;
    }
    while (nr) {
        u64 pick = test_rand() % nr;
        quota_let_go(q, sizes[pick]);
        sum -= sizes[pick];
        sizes[pick] = sizes[--nr];
        EXPECT_EQ(quota_used(q), DIV_ROUND_UP(sum, PAGE_SIZE));
    }
    EXPECT(quota_keep(NULL, 100000));
    quota_let_go(NULL, 100000);
    quota_put(q);
}
