/* SPDX-License-Identifier: MIT */
/*
 * Memory management under CPUs that really run at once (suites stress*: one host thread for each CPU). race_test.c and
 * tests/explore test the promises of each pair of operations instruction by instruction; here many rounds meet at
 * random. Work is counted, not timed. The runner compares frames and objects when all threads are gone.
 */
#include "helpers.h"
#include <quire/block.h>
#include <quire/errno.h>
#include <quire/folio_trim.h>
#include <quire/hole.h>
#include <quire/memobj.h>
#include <quire/rmap.h>
#include <quire/string.h>
#include <arch-generic/machine.h>

#define RW (PROT_READ | PROT_WRITE)
#define PAGES(n) ((vaddr_t)(n) << PAGE_SHIFT)

static struct {
    struct mm *mm;
    struct folio *folio;
    pfn_t low, high;
    u32 round, done, stop;
    u64 looks;
} s;

static bool stopped(void) { return __atomic_load_n(&s.stop, __ATOMIC_ACQUIRE); }
static void stop(struct crew *crew)
{
    __atomic_store_n(&s.stop, 1, __ATOMIC_RELEASE);
    crew_wait(crew);
}

/* Start as many helpers as there are other CPUs, at most `most`. */
static void start_on_others(struct crew *crew, unsigned most, void (*fn)(void *))
{
    memset(crew, 0, sizeof(*crew));
    s.stop = s.round = s.done = 0;
    for (unsigned i = 1; i < nr_cpus && i <= most; i++)
        crew_start(crew, (this_cpu()->cpu + i) % nr_cpus, fn, (void *)(u64)i);
    crew_wait_started(crew);
}

/* --- punches while others map and drop --------------------------------------------------------- */
static void map_and_drop(void *number)
{
    for (u64 i = (u64)number; !stopped(); i++) {
        mm_fault(s.mm, TEST_BASE + PAGES(i % 16), ACCESS_WRITE);
        if (i % 3 == 0)
            mm_madvise(s.mm, TEST_BASE, PAGES(16), MADV_DONTNEED);
    }
}

TEST(stressmm, a_punched_frame_is_shown_nowhere)
{
    struct crew crew;
    struct memobj *o = memobj_create(MEMOBJ_BACKED, 16, NULL);
    vaddr_t at = TEST_BASE;
    u32 punched = 0;

    s.mm = mm_create();
    ASSERT_EQ(mm_map(s.mm, &at, PAGES(16), RW, MAP_SHARED | MAP_FIXED, o, 0), 0);
    struct folio *f = memobj_folio(o, 0);
    start_on_others(&crew, 2, map_and_drop);
    for (unsigned i = 0; i < 4000; i++) {
        struct insecure_mem *h;
        unsigned first = i % 15;
        if (folio_punch_hole(f, first, 2, HOLE_RESERVED, &h))
            continue;
        punched++;
        spend(i % 200);
        for (unsigned k = first; k < first + 2; k++) {
            pte_t e = mm_lookup(s.mm, at + PAGES(k));
            if (pte_present(e) && pte_pfn(e) == f->pfn + k)
                test_fail(__FILE__, __LINE__, "round %u: frame %u of a hole is mapped", i, k);
        }
        EXPECT_EQ(folio_mend_hole(h), 0);
        if (test_has_failed())
            break;
    }
    stop(&crew);
    EXPECT_EQ(punched, 4000);
    check_address_space(s.mm);
    folio_put(f);
    mm_put(s.mm);
    memobj_put(o);
}

/* --- look-ups while folios come and go --------------------------------------------------------- */
static void look_up_all(void *number)
{
    (void)number;
    while (!stopped())
        for (pfn_t pfn = s.low; pfn < s.high; pfn++) {
            struct folio *f = pfn_folio_get(pfn);
            if (!f)
                continue;
            spend(20);
            folio_put(f);
            __atomic_fetch_add(&s.looks, 1, __ATOMIC_RELAXED);
        }
}

TEST(stressmm, a_look_up_keeps_its_reference_while_memory_comes_and_goes)
{
    struct crew crew;
    vaddr_t at = TEST_BASE;

    s.mm = mm_create();
    ASSERT_EQ(mm_map(s.mm, &at, PAGES(16), RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
    ASSERT_EQ(mm_fault(s.mm, at, ACCESS_WRITE), 0);
    s.low = ALIGN_DOWN(pte_pfn(mm_lookup(s.mm, at)), 64UL);
    s.high = s.low + 64;
    start_on_others(&crew, 2, look_up_all);
    for (unsigned i = 0; i < 12000; i++) {
        EXPECT_EQ(mm_madvise(s.mm, at, PAGES(16), MADV_DONTNEED), 0);
        EXPECT_EQ(mm_fault(s.mm, at, ACCESS_WRITE), 0);
    }
    stop(&crew);
    check_address_space(s.mm);
    mm_put(s.mm);
}

/* --- blocks that are split under others -------------------------------------------------------- */
static void take_a_page(void *number)
{
    (void)number;
    for (u32 round = 1;; round++) {
        while (__atomic_load_n(&s.round, __ATOMIC_ACQUIRE) < round)
            if (stopped())
                return;
        rmap_unmap_frames(s.folio, 7, 1);
        __atomic_store_n(&s.done, round, __ATOMIC_RELEASE);
    }
}

static void with_blocks(void (*op)(struct mm *mm), void (*check)(struct mm *mm))
{
    struct crew crew;

    if (nr_cpus < 2 || !arch_pt_block_ok(1))
        SKIP("needs blocks and two CPUs");
    start_on_others(&crew, 1, take_a_page);
    for (u32 i = 1; i <= 400 && !test_has_failed(); i++) {
        vaddr_t at = TEST_BASE;
        struct mm *mm = mm_create();
        ASSERT_EQ(mm_map(mm, &at, BLOCK_BYTES, RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
        ASSERT_EQ(mm_madvise(mm, at, BLOCK_BYTES, MADV_HUGEPAGE), 0);
        ASSERT_EQ(mm_fault(mm, at, ACCESS_WRITE), 0);
        s.folio = mapped_folio(pte_pfn(mm_lookup(mm, at)));
        folio_get(s.folio);
        seem_active_everywhere(mm);
        __atomic_store_n(&s.round, i, __ATOMIC_RELEASE);
        spend(i % 500);
        op(mm);
        while (__atomic_load_n(&s.done, __ATOMIC_ACQUIRE) < i)
            cpu_relax();
        check(mm);
        folio_put(s.folio);
        mm_put(mm);
    }
    stop(&crew);
}

static void protect(struct mm *mm) { EXPECT_EQ(mm_protect(mm, TEST_BASE, BLOCK_BYTES, PROT_READ), 0); }
static void not_writable(struct mm *mm) { EXPECT(!pte_write(mm_lookup(mm, TEST_BASE))); }
TEST(stressmm, mprotect_of_a_block_that_is_being_split) { with_blocks(protect, not_writable); }

static void unmap(struct mm *mm) { EXPECT_EQ(mm_unmap(mm, TEST_BASE, BLOCK_BYTES), 0); }
static void unmapped(struct mm *mm) { EXPECT_EQ(mm->nr_mapped, 0); }
TEST(stressmm, munmap_of_a_block_that_is_being_split) { with_blocks(unmap, unmapped); }

static struct mm *child;
static void fork_it(struct mm *mm) { child = mm_clone(mm); }
static void child_has_it(struct mm *mm)
{
    ASSERT(child != NULL);
    EXPECT(!pte_present(mm_lookup(mm, TEST_BASE)) || pte_present(mm_lookup(child, TEST_BASE)));
    mm_put(child);
}
TEST(stressmm, fork_of_a_block_that_is_being_split) { with_blocks(fork_it, child_has_it); }

/* --- no memory --------------------------------------------------------------------------------- */
/* For some rounds, takes single frames until there are none, and then gives all of them back. */
static void take_all(void *number)
{
    (void)number;
    for (unsigned round = 0; round < 3; round++) {
        struct folio *mine = NULL, *f;
        while ((f = folio_alloc(round == 1 ? 4 : 0, 0)) != NULL) {
            *(struct folio **)folio_address(f) = mine;
            mine = f;
        }
        while ((f = mine) != NULL) {
            mine = *(struct folio **)folio_address(f);
            folio_put(f);
        }
        __atomic_fetch_add(&s.done, 1, __ATOMIC_RELEASE);
    }
}

TEST(stressmm, all_of_memory_is_taken_by_all_cpus_at_once)
{
    u64 before = ledger_read().frames, objects = ledger_read().objects;
    struct crew crew;

    start_on_others(&crew, 3, take_all);
    take_all(NULL);
    crew_wait(&crew);
    /* Slabs of descriptors stay, because they are typed memory. Everything else is back as soon as the threads are
     * gone. */
    struct ledger after = ledger_read();
    for (unsigned i = 0; i < 1000 && after.objects != objects; i++, after = ledger_read())
        thread_sleep_until(arch_clock_ns() + 100000);
    EXPECT_EQ(after.objects, objects);
    EXPECT_EQ(s.done, 3 * MIN(nr_cpus, 4u));
    test_diag("available frames: %lu before, %lu after", before, after.frames);
    EXPECT(before - after.frames <= before / 30);
    test_allow_leak("slabs of folio descriptors are never given back");
}

/* --- everything at once ------------------------------------------------------------------------ */
static void anything(void *number)
{
    u64 x = (u64)number * 0x9e3779b97f4a7c15UL + 1;

    for (unsigned i = 0; i < 6000; i++) {
        x = x * 6364136223846793005UL + 1442695040888963407UL;
        vaddr_t at = TEST_BASE + PAGES(x >> 40 & 63);
        size_t len = PAGES(1 + (x >> 50 & 15));
        struct mm *copy;
        struct folio *f;
        struct insecure_mem *h;
        switch (x >> 58 & 15) {
        case 0:
            mm_unmap(s.mm, at, len);
            break;
        case 1:
        case 2:
            mm_map(s.mm, &at, len, RW, MAP_PRIVATE | MAP_FIXED, NULL, 0);
            break;
        case 3:
            mm_protect(s.mm, at, len, x & 1 << 20 ? PROT_READ : RW);
            break;
        case 4:
            mm_madvise(s.mm, at, len, MADV_DONTNEED);
            break;
        case 5:
            if ((copy = mm_clone(s.mm)) != NULL) {
                mm_fault(copy, at, ACCESS_WRITE);
                mm_put(copy);
            }
            break;
        case 6:
            mm_madvise(s.mm, at, len, MADV_COLD);
            mm_cache_sync(s.mm, at, len);
            break;
        case 7:
            folios_trim(NULL, 16);
            break;
        case 8:
            f = pfn_folio_get(pte_pfn(mm_lookup(s.mm, at)));
            if (f && folio_punch_hole(f, 0, 1, HOLE_RESERVED, &h) == 0 && folio_mend_hole(h))
                hole_put(h); /* another thread holds it just now and will close it */
            if (f)
                folio_put(f);
            break;
        case 9:
            mm_madvise(s.mm, at, len, MADV_POPULATE_WRITE);
            break;
        default:
            mm_fault(s.mm, at, x & 1 << 21 ? ACCESS_READ : ACCESS_WRITE);
        }
    }
}

TEST(stressmm, everything_at_once_in_one_address_space)
{
    struct crew crew;

    s.mm = mm_create();
    start_on_others(&crew, 3, anything);
    anything(NULL);
    crew_wait(&crew);
    check_address_space(s.mm);
    mm_put(s.mm);
    folios_trim(NULL, ~0UL);
}
