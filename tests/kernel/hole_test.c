/* SPDX-License-Identifier: MIT */
/*
 * Holes in folios, the central idea of the kernel. A folio's words point to the folio. In a hole nr words point to a
 * struct insecure_mem instead; this takes nr stores, and nothing else changes.
 */
#include "helpers.h"
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/mm_event.h>
#include <quire/poison.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/tlb.h>

#define ORDER_256_MIB 16

static struct folio *make(unsigned order)
{
    struct folio *f = folio_alloc(order, 0);
    ASSERT(f != NULL);
    return f;
}

static struct insecure_mem *punch(struct folio *f, size_t first, size_t nr)
{
    struct insecure_mem *h = NULL;
    EXPECT_EQ(folio_punch_hole(f, first, nr, HOLE_INSECURE, &h), 0);
    ASSERT(h != NULL);
    return h;
}

/* How many of the folio's words don't point to the folio. */
static u64 foreign_words(const struct folio *f)
{
    u64 n = 0;
    for (size_t i = 0; i < folio_nr_pages(f); i++)
        n += memdesc_read(f->pfn + i) != folio_word(f);
    return n;
}

TEST(hole, four_words_of_a_256_mib_folio_change_and_nothing_else)
{
    unsigned order = order_that_fits(ORDER_256_MIB);
    struct folio *f = make(order);
    size_t middle = folio_nr_pages(f) / 2;

    EXPECT_EQ(foreign_words(f), 0); /* 65,536 words, one value */
    struct insecure_mem *h = punch(f, middle, 4);
    EXPECT_EQ(foreign_words(f), 4);
    EXPECT(words_are(f->pfn, middle, folio_word(f)));
    EXPECT(words_are(f->pfn + middle, 4, memdesc_make(MEMDESC_HOLE, h)));
    EXPECT(words_are(f->pfn + middle + 4, folio_nr_pages(f) - middle - 4, folio_word(f)));
    EXPECT_EQ(folio_order(f), order);
    EXPECT_EQ(folio_ref_count(f), 1);
    EXPECT(folio_has_hole(f));
    struct folio *found = pfn_folio_get(f->pfn + middle + 4);
    EXPECT(found == f); /* the same folio behind the hole as before it */
    folio_put(found);
    EXPECT_EQ(folio_mend_hole(h), 0);
    EXPECT_EQ(foreign_words(f), 0);
    EXPECT(!folio_has_hole(f));
    EXPECT_EQ(folio_ref_count(f), 1);
    EXPECT_COUNT(COUNTER_FOLIO_ALLOC, 1);
    EXPECT_COUNT(COUNTER_FOLIO_SPLIT, 0);
    EXPECT_COUNT(COUNTER_FOLIO_JOIN, 0);
    folio_put(f);
}

TEST(hole, one_struct_is_all_it_takes)
{
    struct folio *f = make(6);
    struct insecure_mem *h = punch(f, 0, 1); /* the cache has its slab now */

    folio_mend_hole(h);
    struct ledger before = ledger_read();
    h = punch(f, 10, 32);
    struct ledger during = ledger_read();
    EXPECT_EQ(during.objects, before.objects + 1);
    EXPECT_EQ(during.frames, before.frames);
    folio_mend_hole(h);
    EXPECT_LEDGER(before);
    folio_put(f);
}

TEST(hole, any_place_and_length_is_exact)
{
    struct folio *f = make(4);

    for (size_t first = 0; first < 16; first++) {
        for (size_t nr = 1; first + nr <= 16; nr++) {
            struct insecure_mem *h = punch(f, first, nr);
            EXPECT_EQ(foreign_words(f), nr);
            EXPECT(words_are(f->pfn + first, nr, memdesc_make(MEMDESC_HOLE, h)));
            EXPECT_EQ(h->first, f->pfn + first);
            EXPECT_EQ(h->nr, nr);
            EXPECT_EQ(folio_mend_hole(h), 0);
            EXPECT_EQ(foreign_words(f), 0);
        }
    }
    folio_put(f);
}

TEST(hole, bad_ranges_are_refused_and_change_nothing)
{
    static const size_t bad[][2] = {{0, 0},    {16, 1},   {15, 2},      {0, 17},
                                    {1, ~0UL}, {~0UL, 1}, {~0UL, ~0UL}, {8, ~0UL - 7}};
    struct folio *f = make(4);
    struct insecure_mem *h = (void *)1;
    struct ledger before = ledger_read();

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        EXPECT_EQ(folio_punch_hole(f, bad[i][0], bad[i][1], HOLE_INSECURE, &h), -EINVAL);
    EXPECT(h == (void *)1);
    EXPECT_EQ(foreign_words(f), 0);
    EXPECT(!folio_has_hole(f));
    EXPECT_LEDGER(before);
    folio_put(f);
}

TEST(hole, holes_do_not_overlap)
{
    struct folio *f = make(4);
    struct insecure_mem *h = punch(f, 4, 4), *other;
    struct ledger before = ledger_read();

    for (size_t first = 1; first < 8; first++)
        for (size_t nr = first < 4 ? 5 - first : 1; first + nr <= 12; nr++) {
            EXPECT_EQ(folio_punch_hole(f, first, nr, HOLE_INSECURE, &other), -EBUSY);
            EXPECT_EQ(foreign_words(f), 4); /* all or nothing */
        }
    EXPECT_LEDGER(before);
    EXPECT_EQ(folio_mend_hole(h), 0);
    folio_put(f);
}

TEST(hole, neighbours_are_two_holes)
{
    struct folio *f = make(4);
    struct insecure_mem *a = punch(f, 4, 4), *b = punch(f, 8, 4), *c = punch(f, 3, 1);

    EXPECT_EQ(foreign_words(f), 9);
    EXPECT_EQ(f->nr_holes, 3);
    EXPECT_EQ(folio_mend_hole(a), 0);
    EXPECT_EQ(foreign_words(f), 5);
    EXPECT(folio_has_hole(f));
    EXPECT_EQ(folio_mend_hole(c), 0);
    EXPECT(words_are(f->pfn + 8, 4, memdesc_make(MEMDESC_HOLE, b)));
    EXPECT_EQ(folio_mend_hole(b), 0);
    EXPECT(!folio_has_hole(f));
    folio_put(f);
}

TEST(hole, it_may_be_at_the_ends_or_the_whole_folio)
{
    struct folio *f = make(5);
    struct insecure_mem *low = punch(f, 0, 1), *high = punch(f, 31, 1);

    EXPECT_EQ(foreign_words(f), 2);
    EXPECT_EQ(folio_mend_hole(low), 0);
    EXPECT_EQ(folio_mend_hole(high), 0);
    struct insecure_mem *all = punch(f, 0, 32);
    EXPECT_EQ(foreign_words(f), 32);
    EXPECT(pfn_folio_get(f->pfn) == NULL);
    EXPECT_EQ(folio_mend_hole(all), 0);
    struct folio *single = make(0);
    all = punch(single, 0, 1);
    EXPECT_EQ(folio_mend_hole(all), 0);
    folio_put(single);
    folio_put(f);
}

TEST(hole, inside_it_no_folio_is_found_but_the_hole_is)
{
    struct folio *f = make(4);
    struct insecure_mem *h = punch(f, 6, 4);

    for (unsigned i = 0; i < 16; i++) {
        struct folio *found = pfn_folio_get(f->pfn + i);
        struct insecure_mem *hole = pfn_hole_get(f->pfn + i);
        bool inside = i >= 6 && i < 10;
        EXPECT(found == (inside ? NULL : f));
        EXPECT(hole == (inside ? h : NULL));
        if (found)
            folio_put(found);
        if (hole)
            hole_put(hole);
    }
    EXPECT_EQ(hole_ref_count(h), 1);
    EXPECT_EQ(folio_mend_hole(h), 0);
    EXPECT(pfn_hole_get(f->pfn + 7) == NULL);
    folio_put(f);
    EXPECT(pfn_hole_get(memory.end) == NULL);
}

TEST(hole, a_pinned_hole_holds_up_only_its_own_pages)
{
    struct folio *f = make(4);
    struct insecure_mem *a = punch(f, 2, 2), *b = punch(f, 8, 4);
    struct insecure_mem *pin = pfn_hole_get(f->pfn + 9);

    EXPECT(pin == b);
    EXPECT_EQ(hole_ref_count(b), 2);
    EXPECT_EQ(folio_ref_count(f), 1); /* the pin is on the hole, not on the folio */
    EXPECT_EQ(folio_mend_hole(b), -EBUSY);
    EXPECT(words_are(f->pfn + 8, 4, memdesc_make(MEMDESC_HOLE, b)));
    EXPECT_EQ(hole_ref_count(b), 2);
    EXPECT_EQ(folio_mend_hole(a), 0); /* the other hole isn't held up */
    struct insecure_mem *c = punch(f, 0, 8);
    EXPECT_EQ(folio_mend_hole(c), 0);
    hole_put(pin);
    EXPECT_EQ(folio_mend_hole(b), 0);
    folio_put(f);
}

TEST(hole, references_to_the_folio_do_not_hold_up_mending)
{
    struct folio *f = make(4);
    struct folio *pin = pfn_folio_get(f->pfn);
    struct insecure_mem *h = punch(f, 4, 4);

    folio_get_many(f, 40);
    EXPECT_EQ(folio_mend_hole(h), 0);
    EXPECT_EQ(folio_ref_count(f), 42);
    folio_put_many(pin, 41);
    folio_put(f);
}

TEST(hole, a_folio_that_dies_with_holes_dies_late)
{
    struct folio *f = make(4);
    pfn_t pfn = f->pfn;
    struct insecure_mem *a = punch(f, 2, 2), *b = punch(f, 8, 4);

    folio_put(f); /* the last reference */
    EXPECT(f->flags & FOLIO_F_DYING);
    EXPECT(pfn_folio_get(pfn) == NULL);                        /* not findable ... */
    EXPECT_EQ(memdesc_type(memdesc_read(pfn)), MEMDESC_FOLIO); /* ... but its frames are kept */
    EXPECT_EQ(folio_mend_hole(b), 0);
    EXPECT_EQ(memdesc_type(memdesc_read(pfn)), MEMDESC_FOLIO);
    struct insecure_mem *pin = pfn_hole_get(pfn + 3); /* a hole is found while it lasts */
    EXPECT(pin == a);
    EXPECT_EQ(folio_mend_hole(a), -EBUSY);
    hole_put(pin);
    EXPECT_EQ(folio_mend_hole(a), 0); /* the last hole: now the folio is freed */
    for (unsigned i = 0; i < 16; i++)
        EXPECT_EQ(memdesc_type(memdesc_read(pfn + i)), MEMDESC_BUDDY);
}

TEST(hole, the_last_put_closes_it_too)
{
    struct folio *f = make(3);
    pfn_t pfn = f->pfn;
    struct insecure_mem *h = punch(f, 0, 4);

    hole_get(h);
    hole_put(h);
    EXPECT_EQ(foreign_words(f), 4);
    folio_put(f);
    hole_put(h); /* the hole's own reference, and the dying folio with it */
    EXPECT_EQ(memdesc_type(memdesc_read(pfn)), MEMDESC_BUDDY);
}

static int punch_and_mend(void *arg)
{
    struct insecure_mem *h;
    int err = folio_punch_hole(arg, 3, 9, HOLE_INSECURE, &h);

    if (err) {
        EXPECT_EQ(err, -ENOMEM);
        EXPECT_EQ(foreign_words(arg), 0);
        EXPECT(!folio_has_hole(arg));
        return err;
    }
    return folio_mend_hole(h);
}

TEST(hole, out_of_memory_changes_nothing)
{
    struct folio *f = make(4);
    with_every_failure(punch_and_mend, f);
    folio_put(f);
}

TEST(hole, many_random_holes_agree_with_a_model)
{
    struct folio *f = make(6);
    struct insecure_mem *holes[64] = {NULL}; /* by first frame */
    u64 taken = 0;

    for (unsigned step = 0; step < 400; step++) {
        size_t first = test_rand() % 64, nr = 1 + test_rand() % MIN(64 - first, 12UL);
        u64 mask = (nr == 64 ? ~0UL : (1UL << nr) - 1) << first;
        if (holes[first]) {
            u64 mine = ((1UL << holes[first]->nr) - 1) << first;
            EXPECT_EQ(folio_mend_hole(holes[first]), 0);
            holes[first] = NULL;
            taken &= ~mine;
        } else {
            struct insecure_mem *h = NULL;
            int err = folio_punch_hole(f, first, nr, HOLE_RESERVED, &h);
            EXPECT_EQ(err, taken & mask ? -EBUSY : 0);
            if (!err) {
                holes[first] = h;
                taken |= mask;
            }
        }
        EXPECT_EQ(foreign_words(f), __builtin_popcountl(taken));
    }
    for (unsigned i = 0; i < 64; i++)
        if (holes[i])
            EXPECT_EQ(folio_mend_hole(holes[i]), 0);
    EXPECT_EQ(foreign_words(f), 0);
    folio_put(f);
}

/* --- mapped by address spaces ---------------------------------------------------------- */
#define PAGES 16

/* An object of one folio, mapped whole in mm. */
static struct memobj *object_with(struct folio *f)
{
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, folio_nr_pages(f), NULL);
    ASSERT(obj != NULL);
    folio_get(f); /* the object's */
    ASSERT_EQ(memobj_add_folio(obj, 0, f), 0);
    return obj;
}

static struct mm *mm_showing(struct memobj *obj)
{
    struct mm *mm = mm_create();
    vaddr_t addr = TEST_BASE;

    ASSERT(mm != NULL);
    ASSERT_EQ(mm_map(mm, &addr, obj->nr_pages << PAGE_SHIFT, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_FIXED, obj, 0),
              0);
    ASSERT_EQ(touch_range(mm, addr, obj->nr_pages << PAGE_SHIFT, ACCESS_WRITE), 0);
    seem_active_everywhere(mm);
    return mm;
}

/* Whether the ring has this event about a hole of four frames since the number `first`. */
static bool told(unsigned long first, unsigned kind, pfn_t pfn, u64 hole)
{
    for (unsigned long n = first; n < mm_event_next; n++) {
        const struct mm_event_record *e = &mm_events[n % MM_EVENT_RING];
        if (e->kind == kind && e->a == pfn && e->b == 4 && e->c == hole)
            return true;
    }
    return false;
}

TEST(hole, punching_and_mending_are_told)
{
    struct folio *f = make(4);
    unsigned long first = mm_event_next;
    struct insecure_mem *h = punch(f, 5, 4);

    u64 hole = (u64)h;

    EXPECT(told(first, MM_EVENT_HOLE_PUNCH, f->pfn + 5, hole) && !told(first, MM_EVENT_HOLE_MEND, f->pfn + 5, hole));
    first = mm_event_next;
    EXPECT_EQ(folio_mend_hole(h), 0);
    EXPECT(told(first, MM_EVENT_HOLE_MEND, f->pfn + 5, hole));
    folio_put(f);
}

TEST(hole, punching_removes_every_mapping_of_those_frames_and_no_other)
{
    struct folio *f = make(4);
    struct memobj *obj = object_with(f);
    struct mm *a = mm_showing(obj), *b = mm_showing(obj);

    EXPECT_EQ(folio_map_count(f), 2 * PAGES);
    events_start();
    struct insecure_mem *h = punch(f, 5, 4);
    EXPECT_EQ(folio_map_count(f), 2 * (PAGES - 4));
    EXPECT_EQ(folio_ref_count(f), 2 + 2 * (PAGES - 4));
    for (unsigned i = 0; i < PAGES; i++) {
        vaddr_t addr = TEST_BASE + i * PAGE_SIZE;
        bool inside = i >= 5 && i < 9;
        EXPECT_EQ(pte_present(mm_lookup(a, addr)), !inside);
        EXPECT_EQ(pte_present(mm_lookup(b, addr)), !inside);
    }
    events_check();
    check_address_space(a);
    check_address_space(b);
    test_checkpoint("punched while two address spaces map the folio");
    EXPECT_EQ(folio_mend_hole(h), 0);
    mm_put(a);
    mm_put(b);
    memobj_put(obj);
    folio_put(f);
}

TEST(hole, an_access_to_a_punched_page_is_an_error_until_it_is_mended)
{
    struct folio *f = make(4);
    struct memobj *obj = object_with(f);
    struct mm *mm = mm_showing(obj);
    struct insecure_mem *h = punch(f, 5, 4);

    EXPECT_EQ(mm_fault(mm, TEST_BASE + 6 * PAGE_SIZE, ACCESS_READ), -EBUSY);
    EXPECT_EQ(mm_fault(mm, TEST_BASE + 8 * PAGE_SIZE, ACCESS_WRITE), -EBUSY);
    EXPECT(!pte_present(mm_lookup(mm, TEST_BASE + 6 * PAGE_SIZE)));
    EXPECT_EQ(folio_mend_hole(h), 0);
    EXPECT_EQ(touch_range(mm, TEST_BASE, PAGES * PAGE_SIZE, ACCESS_WRITE), 0);
    EXPECT_EQ(mapped_frame(mm, TEST_BASE + 6 * PAGE_SIZE), f->pfn + 6);
    mm_put(mm);
    memobj_put(obj);
    folio_put(f);
}

TEST(hole, fault_around_stops_at_it)
{
    struct folio *f = make(4);
    struct memobj *obj = object_with(f);
    struct insecure_mem *h = punch(f, 5, 4);
    struct mm *mm = mm_create();
    vaddr_t addr = TEST_BASE;

    ASSERT_EQ(mm_map(mm, &addr, PAGES * PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, obj, 0), 0);
    EXPECT_EQ(mm_fault(mm, addr, ACCESS_READ), 0);
    EXPECT_EQ(mm_fault(mm, addr + 12 * PAGE_SIZE, ACCESS_READ), 0);
    for (unsigned i = 5; i < 9; i++)
        EXPECT(!pte_present(mm_lookup(mm, addr + i * PAGE_SIZE)));
    EXPECT(pte_present(mm_lookup(mm, addr + 4 * PAGE_SIZE)));
    EXPECT(pte_present(mm_lookup(mm, addr + 12 * PAGE_SIZE)));
    check_address_space(mm);
    mm_put(mm);
    folio_mend_hole(h);
    memobj_put(obj);
    folio_put(f);
}

TEST(hole, showing_it_takes_references_to_it_alone)
{
    struct folio *f = make(4);
    struct insecure_mem *h = punch(f, 5, 4);
    struct mm *mm = mm_create();
    vaddr_t addr = 0;

    ASSERT_EQ(mm_map_hole(mm, &addr, h, PROT_READ | PROT_WRITE), 0);
    EXPECT_EQ(hole_ref_count(h), 5);
    EXPECT_EQ(h->map_count, 4);
    EXPECT_EQ(folio_ref_count(f), 1);
    EXPECT_EQ(folio_map_count(f), 0);
    for (unsigned i = 0; i < 4; i++)
        EXPECT_EQ(mapped_frame(mm, addr + i * PAGE_SIZE), f->pfn + 5 + i);
    EXPECT_EQ(folio_mend_hole(h), -EBUSY);
    check_address_space(mm);
    test_checkpoint("a hole is shown");
    EXPECT_EQ(mm_unmap(mm, addr, 4 * PAGE_SIZE), 0);
    EXPECT_EQ(hole_ref_count(h), 1);
    EXPECT_EQ(h->map_count, 0);
    EXPECT_EQ(folio_mend_hole(h), 0);
    mm_put(mm);
    folio_put(f);
}

static int show_hole(void *arg)
{
    struct mm *mm = mm_create();
    vaddr_t addr = 0;
    int err = mm ? mm_map_hole(mm, &addr, arg, PROT_READ) : -ENOMEM;

    if (mm)
        mm_put(mm);
    EXPECT_EQ(hole_ref_count(arg), 1);
    return err;
}

TEST(hole, showing_it_without_memory_leaves_nothing_behind)
{
    struct folio *f = make(4);
    struct insecure_mem *h = punch(f, 5, 4);

    with_every_failure(show_hole, h);
    EXPECT_EQ(folio_mend_hole(h), 0);
    folio_put(f);
}

TEST(hole, children_do_not_inherit_it)
{
    struct folio *f = make(4);
    struct insecure_mem *h = punch(f, 0, 2);
    struct mm *mm = mm_create();
    vaddr_t addr = 0;

    ASSERT_EQ(mm_map_hole(mm, &addr, h, PROT_READ), 0);
    struct mm *child = mm_clone(mm);
    ASSERT(child != NULL);
    EXPECT(area_find(child, addr) == NULL);
    EXPECT_EQ(hole_ref_count(h), 3);
    mm_put(mm);
    mm_put(child);
    EXPECT_EQ(folio_mend_hole(h), 0);
    folio_put(f);
}

/* --- other CPUs look while a hole comes and goes --------------------------------------- */
static struct {
    struct folio *folio;
    bool stop;
    u64 as_folio, as_hole, neither;
} watched;

static void watch(void *arg)
{
    (void)arg;
    while (!READ_ONCE(watched.stop)) {
        jitter();
        pfn_t pfn = watched.folio->pfn + 6;
        struct folio *f = pfn_folio_get(pfn);
        struct insecure_mem *h = f ? NULL : pfn_hole_get(pfn);
        if (f && f != watched.folio)
            test_fail(__FILE__, __LINE__, "a folio that isn't there");
        if (h && (h->folio != watched.folio || pfn - h->first >= h->nr))
            test_fail(__FILE__, __LINE__, "a hole that isn't there");
        __atomic_fetch_add(f   ? &watched.as_folio
                           : h ? &watched.as_hole
                               : &watched.neither,
                           1, __ATOMIC_RELAXED);
        if (f)
            folio_put(f); /* put the object that the reference was taken from, whatever the word says now */
        if (h)
            hole_put(h);
    }
}

TEST(hole, each_frame_is_in_one_state_or_the_other_for_every_cpu)
{
    struct crew crew = {0};

    if (nr_cpus == 1)
        SKIP("needs two CPUs");
    memset(&watched, 0, sizeof(watched));
    watched.folio = make(4);
    for (unsigned cpu = 1; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, watch, NULL);
    crew_wait_started(&crew);
    for (unsigned round = 0; round < 200; round++) {
        jitter();
        struct insecure_mem *h = punch(watched.folio, 4, 8);
        spend(test_rand() % 300);
        while (folio_mend_hole(h) == -EBUSY)
            spend(100);
        spend(test_rand() % 300);
    }
    WRITE_ONCE(watched.stop, true);
    crew_wait(&crew);
    EXPECT_EQ(folio_ref_count(watched.folio), 1);
    EXPECT_EQ(foreign_words(watched.folio), 0);
    EXPECT(watched.as_folio > 0);
    folio_put(watched.folio);
}

/* Eight tables fill a gather; the area behind them shows a hole. */
TEST(hole, an_address_space_ends_with_tables_before_a_hole)
{
    struct ledger before = ledger_read();
    struct folio *f = make(4);
    struct insecure_mem *h = punch(f, 5, 4);
    struct mm *mm = new_space();
    vaddr_t at = TEST_BASE;

    for (unsigned i = 0; i < TLB_GATHER_OTHERS; i++, at += pt_span(1)) {
        ASSERT_EQ(map_at(mm, at, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED), 0);
        ASSERT_EQ(touch_range(mm, at, PAGE_SIZE, ACCESS_WRITE), 0);
    }
    vaddr_t wanted = at;
    ASSERT_EQ(mm_map_hole(mm, &at, h, PROT_READ | PROT_WRITE), 0);
    ASSERT_EQ(at, wanted);
    mm_put(mm);
    EXPECT_EQ(hole_ref_count(h), 1);
    EXPECT_EQ(h->map_count, 0);
    EXPECT_EQ(folio_mend_hole(h), 0);
    folio_put(f);
    EXPECT_LEDGER(before);
}
