/* SPDX-License-Identifier: MIT */
/*
 * Poisoned frames. Each test breaks frames of this machine for ever. So the test itself counts the loss (a free frame,
 * and its record), and then tells the runner that the books will differ.
 */
#include "helpers.h"
#include <quire/buddy.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/poison.h>
#include <quire/slab.h>

/* Exactly nr frames and nr records are gone since `before`. */
static void expect_lost(struct ledger before, u64 nr)
{
    struct ledger after = ledger_read();

    EXPECT_EQ(before.frames - after.frames, nr);
    EXPECT_EQ(after.objects - before.objects, nr);
    test_allow_leak("a broken frame never comes back");
}

static bool is_poison(pfn_t pfn) { return memdesc_type(memdesc_read(pfn)) == MEMDESC_HWPOISON; }

static struct folio *make(unsigned order)
{
    struct folio *f = folio_alloc(order, 0);
    ASSERT(f != NULL);
    return f;
}

TEST(poison, a_free_frame_is_taken_out_of_a_block_of_any_order)
{
    struct ledger before = ledger_read();
    u64 lost = 0;

    for (unsigned order = 0; order <= order_that_fits(12); order++) {
        struct folio *f = make(order);
        pfn_t pfn = f->pfn + folio_nr_pages(f) * 2 / 3;
        folio_put(f); /* free again, in a block of that order or larger */
        if (is_poison(pfn))
            continue;
        EXPECT_EQ(memory_failure(pfn), 0);
        EXPECT(is_poison(pfn));
        lost++;
    }
    EXPECT(lost > 8);
    expect_lost(before, lost);
}

TEST(poison, a_broken_free_frame_never_comes_back)
{
    struct ledger before = ledger_read();
    struct folio *f = make(6), *held[64];
    pfn_t bad = f->pfn + 37, first = f->pfn;

    folio_put(f);
    EXPECT_EQ(memory_failure(bad), 0);
    unsigned nr = 0;
    for (; nr < 64 && (held[nr] = folio_alloc(0, 0)); nr++)
        EXPECT(held[nr]->pfn != bad);
    while (nr--)
        folio_put(held[nr]);
    for (unsigned order = 6; order < 10; order++) { /* nor inside a larger block */
        f = folio_alloc(order, 0);
        if (f) {
            EXPECT(!folio_contains(f, bad));
            folio_put(f);
        }
    }
    (void)first;
    expect_lost(before, 1);
}

TEST(poison, the_folio_around_it_works_on_and_is_freed_without_it)
{
    struct ledger before = ledger_read();
    struct folio *f = make(5);
    pfn_t first = f->pfn;

    EXPECT_EQ(memory_failure(first + 11), 0);
    EXPECT(folio_has_poison(f));
    EXPECT(is_poison(first + 11));
    EXPECT_EQ(folio_ref_count(f), 1);
    EXPECT(pfn_folio_get(first + 11) == NULL);
    for (unsigned i = 0; i < 32; i++)
        if (i != 11) {
            EXPECT(pfn_folio_get(first + i) == f);
            folio_put(f);
        }
    folio_put(f);
    for (unsigned i = 0; i < 32; i++)
        EXPECT_EQ(memdesc_type(memdesc_read(first + i)),
                  i == 11 ? MEMDESC_HWPOISON : MEMDESC_BUDDY);
    expect_lost(before, 1);
}

TEST(poison, a_single_frame_folio_dies_with_its_frame)
{
    struct ledger before = ledger_read();
    struct folio *f = make(0);
    pfn_t pfn = f->pfn;

    EXPECT_EQ(memory_failure(pfn), 0);
    folio_put(f);
    EXPECT(is_poison(pfn));
    expect_lost(before, 1);
}

TEST(poison, several_frames_of_a_folio_may_break)
{
    struct ledger before = ledger_read();
    struct folio *f = make(6);
    pfn_t first = f->pfn;
    static const unsigned bad[] = {0, 1, 31, 32, 33, 63};

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        EXPECT_EQ(memory_failure(first + bad[i]), 0);
    folio_put(f);
    u64 poisoned = 0;
    for (unsigned i = 0; i < 64; i++)
        poisoned += is_poison(first + i);
    EXPECT_EQ(poisoned, ARRAY_SIZE(bad));
    expect_lost(before, ARRAY_SIZE(bad));
}

TEST(poison, a_256_mib_folio_loses_one_frame)
{
    struct ledger before = ledger_read();
    struct folio *f = make(order_that_fits(16));
    pfn_t bad = f->pfn + folio_nr_pages(f) - 3;

    EXPECT_EQ(memory_failure(bad), 0);
    folio_put(f);
    EXPECT(is_poison(bad));
    expect_lost(before, 1);
}

TEST(poison, the_second_failure_of_a_frame_says_so)
{
    struct ledger before = ledger_read();
    struct folio *f = make(2);
    pfn_t pfn = f->pfn + 1;

    EXPECT_EQ(memory_failure(pfn), 0);
    EXPECT_EQ(memory_failure(pfn), -EHWPOISON);
    folio_put(f);
    EXPECT_EQ(memory_failure(pfn), -EHWPOISON); /* nor after the folio is gone */
    expect_lost(before, 1);
}

TEST(poison, what_is_no_frame_is_refused)
{
    struct ledger before = ledger_read();

    EXPECT_EQ(memory_failure(memory.end), -EINVAL);
    EXPECT_EQ(memory_failure(PFN_NONE), -EINVAL);
    EXPECT_LEDGER(before);
}

TEST(poison, memory_that_nothing_can_replace_is_reported_and_left_alone)
{
    extern char __text_start[];
    pfn_t image = ((vaddr_t)__text_start - KERNEL_VA_OFFSET) >> PAGE_SHIFT;
    struct ledger before = ledger_read();
    void *object = kmalloc(100);
    struct mm *mm = mm_create();
    pfn_t places[] = {image, address_pfn(object), paddr_to_pfn(mm->root.table),
                      paddr_to_pfn(kernel_root()->table), address_pfn(&memory.words[memory.first])};

    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        memdesc_t word = memdesc_read(places[i]);
        EXPECT_EQ(memory_failure(places[i]), -EBUSY);
        EXPECT_EQ(memdesc_read(places[i]), word);
    }
    mm_put(mm);
    kfree(object);
    EXPECT_LEDGER(before);
}

TEST(poison, a_frozen_folio_is_busy)
{
    struct folio *f = make(1);

    ASSERT(folio_ref_freeze(f, 1));
    EXPECT_EQ(memory_failure(f->pfn), -EBUSY);
    folio_ref_unfreeze(f, 1);
    EXPECT(words_are(f->pfn, 2, folio_word(f)));
    folio_put(f);
}

/* Nothing maps it any more, but its frames go back to the buddy: the broken one must not. */
TEST(poison, a_dying_folio_loses_the_frame)
{
    struct ledger before = ledger_read();
    struct folio *f = make(3);
    struct insecure_mem *h;
    pfn_t first = f->pfn;

    ASSERT_EQ(folio_punch_hole(f, 1, 1, HOLE_RESERVED, &h), 0);
    folio_put(f);
    EXPECT_EQ(memory_failure(first + 5), 0);
    EXPECT_EQ(memory_failure(first + 5), -EHWPOISON);
    EXPECT_EQ(folio_mend_hole(h), 0);
    for (unsigned i = 0; i < 8; i++)
        EXPECT_EQ(memdesc_type(memdesc_read(first + i)), i == 5 ? MEMDESC_HWPOISON : MEMDESC_BUDDY);
    expect_lost(before, 1);
}

TEST(poison, no_hole_is_punched_over_it)
{
    struct ledger before = ledger_read();
    struct folio *f = make(4);
    struct insecure_mem *h;

    EXPECT_EQ(memory_failure(f->pfn + 6), 0);
    EXPECT_EQ(folio_punch_hole(f, 4, 4, HOLE_INSECURE, &h), -EHWPOISON);
    EXPECT(words_are(f->pfn, 6, folio_word(f)));
    ASSERT_EQ(folio_punch_hole(f, 7, 4, HOLE_INSECURE, &h), 0);
    EXPECT_EQ(folio_mend_hole(h), 0);
    folio_put(f);
    expect_lost(before, 1);
}

TEST(poison, a_frame_in_a_hole_stays_broken_when_the_hole_is_mended)
{
    struct ledger before = ledger_read();
    struct folio *f = make(4);
    pfn_t first = f->pfn;
    struct insecure_mem *h;

    ASSERT_EQ(folio_punch_hole(f, 4, 4, HOLE_INSECURE, &h), 0);
    EXPECT_EQ(memory_failure(first + 5), 0);
    EXPECT(is_poison(first + 5));
    EXPECT(pfn_hole_get(first + 5) == NULL);
    EXPECT(pfn_hole_get(first + 6) == h);
    hole_put(h);
    EXPECT_EQ(folio_mend_hole(h), 0);
    EXPECT(is_poison(first + 5));
    const struct hwpoison *record = memdesc_pointer(memdesc_read(first + 5));
    EXPECT_EQ(record->saved, folio_word(f)); /* the folio's word again, not the closed hole's */
    EXPECT_EQ(memdesc_read(first + 4), folio_word(f));
    folio_put(f);
    for (unsigned i = 0; i < 16; i++)
        EXPECT_EQ(memdesc_type(memdesc_read(first + i)), i == 5 ? MEMDESC_HWPOISON : MEMDESC_BUDDY);
    expect_lost(before, 1);
}

TEST(poison, in_a_hole_it_goes_from_every_address_space_that_shows_the_hole)
{
    struct ledger before = ledger_read();
    struct folio *f = make(4);
    struct insecure_mem *h;
    struct mm *a = mm_create(), *b = mm_create();
    vaddr_t at = TEST_BASE, other = 0;

    ASSERT_EQ(folio_punch_hole(f, 5, 4, HOLE_INSECURE, &h), 0);
    ASSERT_EQ(mm_map_hole(a, &at, h, PROT_READ | PROT_WRITE), 0);
    ASSERT_EQ(mm_map_hole(b, &other, h, PROT_READ), 0);
    ASSERT_EQ(mm_protect(a, at + 2 * PAGE_SIZE, PAGE_SIZE, PROT_READ), 0); /* three areas */
    seem_active_everywhere(a);
    EXPECT_EQ(memory_failure(f->pfn + 7), 0);
    EXPECT_EQ(mm_fault(a, at + 2 * PAGE_SIZE, ACCESS_READ), -EHWPOISON);
    EXPECT_EQ(mm_fault(b, other + 2 * PAGE_SIZE, ACCESS_READ), -EHWPOISON);
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_EQ(mapped_frame(a, at + i * PAGE_SIZE), i == 2 ? PFN_NONE : f->pfn + 5 + i);
        EXPECT_EQ(mapped_frame(b, other + i * PAGE_SIZE), i == 2 ? PFN_NONE : f->pfn + 5 + i);
    }
    EXPECT_EQ(h->map_count, 6);
    EXPECT_EQ(hole_ref_count(h), 7);
    check_address_space(a);
    check_address_space(b);
    test_checkpoint("a broken frame in a hole that two address spaces show");
    mm_unmap_hole(a, at, h); /* all of it, although it is three areas now */
    EXPECT(area_find(a, at) == NULL && area_find(a, at + 3 * PAGE_SIZE) == NULL);
    ASSERT_EQ(mm_map_hole(a, &at, h, PROT_READ), 0); /* a frame that is broken already isn't shown */
    EXPECT_EQ(mm_fault(a, at + 2 * PAGE_SIZE, ACCESS_READ), -EHWPOISON);
    EXPECT_EQ(mapped_frame(a, at + 3 * PAGE_SIZE), f->pfn + 8);
    EXPECT_EQ(folio_mend_hole(h), -EBUSY);
    /* no fault could bring these pages in again */
    EXPECT_EQ(mm_madvise(b, other, 4 * PAGE_SIZE, MADV_DONTNEED), -EINVAL);
    EXPECT_EQ(mapped_frame(b, other + 3 * PAGE_SIZE), f->pfn + 8);
    rwsem_write_lock(&b->areas_lock);
    unmap_range(b, other, other + 4 * PAGE_SIZE);
    rwsem_write_unlock(&b->areas_lock);
    EXPECT_EQ(mm_fault(b, other + 2 * PAGE_SIZE, ACCESS_READ), -EFAULT); /* the mark went too */
    mm_unmap_hole(a, at, h);
    EXPECT_EQ(folio_mend_hole(h), 0); /* the area in b stays, and shows nothing */
    EXPECT(area_find(b, other)->hole == NULL);
    ASSERT_EQ(folio_punch_hole(f, 0, 4, HOLE_INSECURE, &h), 0);
    mm_put(b);
    EXPECT_EQ(hole_ref_count(h), 1);
    EXPECT_EQ(folio_mend_hole(h), 0);
    mm_put(a);
    folio_put(f);
    expect_lost(before, 1);
}

TEST(poison, a_dying_folio_with_a_broken_frame_in_its_hole_still_goes)
{
    struct ledger before = ledger_read();
    struct folio *f = make(3);
    pfn_t first = f->pfn;
    struct insecure_mem *h;

    ASSERT_EQ(folio_punch_hole(f, 2, 3, HOLE_INSECURE, &h), 0);
    EXPECT_EQ(memory_failure(first + 4), 0);
    folio_put(f);
    EXPECT_EQ(folio_mend_hole(h), 0);
    EXPECT_EQ(memdesc_type(memdesc_read(first)), MEMDESC_BUDDY);
    EXPECT(is_poison(first + 4));
    expect_lost(before, 1);
}

TEST(poison, without_memory_for_the_record_nothing_changes)
{
    struct folio *f = make(2);
    struct ledger before = ledger_read();

    fail_nth(1);
    EXPECT_EQ(memory_failure(f->pfn), -ENOMEM);
    fail_nth(0);
    EXPECT(words_are(f->pfn, 4, folio_word(f)));
    EXPECT(!folio_has_poison(f));
    EXPECT_LEDGER(before);
    folio_put(f);
}

/* --- in address spaces ----------------------------------------------------------------- */
#define PAGES 16

TEST(poison, a_mapped_frame_goes_from_every_address_space_and_the_rest_stays)
{
    struct ledger before = ledger_read();
    struct folio *f = make(4);
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, PAGES, NULL);
    struct mm *mm[2];
    vaddr_t addr = TEST_BASE;

    ASSERT(obj && memobj_add_folio(obj, 0, f) == 0);
    for (unsigned i = 0; i < 2; i++) {
        mm[i] = mm_create();
        ASSERT_EQ(mm_map(mm[i], &addr, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_FIXED, obj, 0),
                  0);
        ASSERT_EQ(touch_range(mm[i], addr, PAGES * PAGE_SIZE, ACCESS_WRITE), 0);
    }
    EXPECT_EQ(memory_failure(f->pfn + 7), 0);
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned p = 0; p < PAGES; p++)
            EXPECT_EQ(pte_present(mm_lookup(mm[i], addr + p * PAGE_SIZE)), p != 7);
        EXPECT_EQ(mm_fault(mm[i], addr + 7 * PAGE_SIZE, ACCESS_READ),
                  -EHWPOISON); /* only that page */
        EXPECT_EQ(mm_fault(mm[i], addr + 7 * PAGE_SIZE, ACCESS_WRITE), -EHWPOISON);
        EXPECT_EQ(mm_fault(mm[i], addr + 6 * PAGE_SIZE, ACCESS_WRITE), 0);
        check_address_space(mm[i]);
    }
    EXPECT_EQ(folio_map_count(f), 2 * (PAGES - 1));
    test_checkpoint("a broken frame of a folio that two address spaces map");
    mm_put(mm[0]);
    mm_put(mm[1]);
    memobj_put(obj);
    expect_lost(before, 1);
}

TEST(poison, private_memory_is_a_bus_error_too_and_never_silently_zero)
{
    struct ledger before = ledger_read();
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE);

    ASSERT_EQ(touch_range(mm, addr, PAGES * PAGE_SIZE, ACCESS_WRITE), 0);
    *user_byte(mm, addr + 3 * PAGE_SIZE) = 42;
    EXPECT_EQ(memory_failure(mapped_frame(mm, addr + 3 * PAGE_SIZE)), 0);
    EXPECT(!pte_present(mm_lookup(mm, addr + 3 * PAGE_SIZE)));
    EXPECT_EQ(mm_fault(mm, addr + 3 * PAGE_SIZE, ACCESS_READ), -EHWPOISON);
    EXPECT_EQ(mm_fault(mm, addr + 3 * PAGE_SIZE, ACCESS_WRITE), -EHWPOISON);
    EXPECT_EQ(mm_fault(mm, addr + 2 * PAGE_SIZE, ACCESS_WRITE), 0);
    struct mm *child = mm_clone(mm); /* the broken page is broken for the child too */
    EXPECT_EQ(mm_fault(child, addr + 3 * PAGE_SIZE, ACCESS_READ), -EHWPOISON);
    mm_put(child);
    EXPECT_EQ(mm_unmap(mm, addr + 3 * PAGE_SIZE, PAGE_SIZE),
              0); /* a new mapping there is new memory */
    vaddr_t again = addr + 3 * PAGE_SIZE;
    EXPECT_EQ(
        mm_map(mm, &again, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
    EXPECT_EQ(touch_range(mm, again, PAGE_SIZE, ACCESS_WRITE), 0);
    check_address_space(mm);
    mm_put(mm);
    expect_lost(before, 1);
}

TEST(poison, shared_after_fork_it_goes_from_parent_and_child)
{
    struct ledger before = ledger_read();
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE);

    ASSERT_EQ(touch_range(mm, addr, PAGES * PAGE_SIZE, ACCESS_WRITE), 0);
    struct mm *child = mm_clone(mm);
    EXPECT_EQ(memory_failure(mapped_frame(mm, addr)), 0);
    EXPECT_EQ(mm_fault(mm, addr, ACCESS_READ), -EHWPOISON);
    EXPECT_EQ(mm_fault(child, addr, ACCESS_READ), -EHWPOISON);
    EXPECT_EQ(mm_fault(child, addr + PAGE_SIZE, ACCESS_WRITE), 0);
    test_checkpoint("a broken frame of parent and child");
    mm_put(mm);
    mm_put(child);
    expect_lost(before, 1);
}
