/* SPDX-License-Identifier: MIT */
/* Races of mm at every instruction of one side: see race.h. Each test says what must be true, whichever side was
 * first. */
#include "race.h"
#include <quire/block.h>
#include <quire/errno.h>
#include <quire/quota.h>
#include <quire/folio_trim.h>
#include <quire/hole.h>
#include <quire/memobj.h>
#include <quire/poison.h>
#include <quire/rmap.h>

#define RW (PROT_READ | PROT_WRITE)
#define PAGES(n) ((vaddr_t)(n) << PAGE_SHIFT)

/* --- the sweep itself -------------------------------------------------------------------------- */
static volatile u32 shared_count;
static u32 lost;

static void count_up(void) { shared_count++; }
static void count_up_slowly(void)
{
    u32 seen = shared_count;
    spend(20);
    shared_count = seen + 1;
}
static void start_count(void) { shared_count = 0; }
static void look_for_loss(void) { lost += shared_count != 2; }

/* A store of one side between the other side's load and store gets lost: at some places, but not at all places. */
TEST(race, a_lost_update_is_found)
{
    lost = 0;
    struct race_places places = RACE(count_up, count_up_slowly, .before = start_count, .after = look_for_loss);

    test_diag("%u of %u lost", lost, places.rounds);
    if (places.in_turns) { /* else the places are random */
        EXPECT(lost > 0 && lost < places.rounds);
        EXPECT(places.inside > 10);
    } else if (nr_cpus == 1) {
        EXPECT_EQ(lost, 0);
    }
}

/* --- a world for each round -------------------------------------------------------------------- */
static struct {
    struct mm *mm, *child;
    struct memobj *obj;
    struct folio *folio, *found;
    struct insecure_mem *hole;
    pfn_t pfn;
    int a, b; /* what the two returned */
} w;

static void begin(void)
{
    w.mm = mm_create();
    w.child = NULL;
    w.found = NULL;
    w.hole = NULL;
    w.a = w.b = 99;
    ASSERT(w.mm != NULL);
}

static void end(void)
{
    check_address_space(w.mm);
    mm_put(w.mm);
}

static void map_at_base(u64 pages, struct memobj *obj)
{
    vaddr_t at = TEST_BASE;
    ASSERT_EQ(mm_map(w.mm, &at, PAGES(pages), RW, (obj ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, obj, 0), 0);
}

/* An object of one folio of 2^order pages, mapped but not touched. */
static void begin_object(unsigned order)
{
    begin();
    w.obj = memobj_create(MEMOBJ_BACKED, 1UL << order, NULL);
    w.folio = folio_alloc(order, FOLIO_ZERO);
    ASSERT(w.obj && w.folio);
    folio_get(w.folio);
    ASSERT_EQ(memobj_add_folio(w.obj, 0, w.folio), 0);
    map_at_base(1UL << order, w.obj);
}
static void end_object(void)
{
    if (w.hole)
        EXPECT_EQ(folio_mend_hole(w.hole), 0);
    end();
    memobj_put(w.obj);
    folio_put(w.folio);
}

/* Private memory: nr pages, all written. */
static void begin_private(u64 nr)
{
    begin();
    map_at_base(nr, NULL);
    ASSERT_EQ(touch_range(w.mm, TEST_BASE, PAGES(nr), ACCESS_WRITE), 0);
    w.folio = mapped_folio(pte_pfn(mm_lookup(w.mm, TEST_BASE)));
    folio_get(w.folio);
}
static void end_private(void)
{
    folio_put(w.folio);
    end();
}

static bool shown(u64 page)
{
    pte_t e = mm_lookup(w.mm, TEST_BASE + PAGES(page));
    return pte_present(e) && pte_pfn(e) == w.folio->pfn + page;
}

/* --- words and entries ------------------------------------------------------------------------- */
static void punch(void) { w.a = folio_punch_hole(w.folio, 3, 2, HOLE_RESERVED, &w.hole); }
static void fault_read(void) { w.b = mm_fault(w.mm, TEST_BASE, ACCESS_READ); }
static void fault_write_page(void) { w.b = mm_fault(w.mm, TEST_BASE, ACCESS_WRITE); }

static void begin_pages(void) { begin_object(4); }
static void nothing_shows_the_hole(void)
{
    EXPECT_EQ(w.a, 0);
    EXPECT(!shown(3) && !shown(4));
    end_object();
}
TEST(race, a_punch_while_pages_are_mapped)
{
    RACE(punch, fault_read, .before = begin_pages, .after = nothing_shows_the_hole);
}

static void begin_block(void) { begin_object(BLOCK_ORDER); }
TEST(race, a_punch_while_a_block_is_mapped)
{
    if (!arch_pt_block_ok(1))
        SKIP("this machine has no blocks");
    RACE(punch, fault_read, .before = begin_block, .after = nothing_shows_the_hole);
}

static void drop(void) { w.b = mm_madvise(w.mm, TEST_BASE, PAGES(16), MADV_DONTNEED); }
static void begin_mapped_pages(void)
{
    begin_object(4);
    ASSERT_EQ(mm_fault(w.mm, TEST_BASE, ACCESS_WRITE), 0);
    seem_active_everywhere(w.mm);
}
TEST(race, a_punch_while_pages_are_dropped)
{
    RACE(punch, drop, .before = begin_mapped_pages, .after = nothing_shows_the_hole);
}

static void fork_mm(void) { w.child = mm_clone(w.mm); }
static void nothing_shows_it_after_fork(void)
{
    EXPECT(w.child != NULL);
    pte_t e = mm_lookup(w.child, TEST_BASE + PAGES(3));
    EXPECT(!(pte_present(e) && pte_pfn(e) == w.folio->pfn + 3));
    mm_put(w.child);
    nothing_shows_the_hole();
}
TEST(race, a_punch_while_a_process_forks)
{
    RACE(punch, fork_mm, .before = begin_mapped_pages, .after = nothing_shows_it_after_fork);
}

static void mend(void) { w.a = folio_mend_hole(w.hole); }
static void pin(void)
{
    struct insecure_mem *h = pfn_hole_get(w.folio->pfn + 3);
    w.b = h == w.hole;
    if (h)
        hole_put(h);
}
static void begin_hole(void)
{
    begin_object(4);
    punch();
}
static void mended_or_held(void)
{
    EXPECT(w.a == 0 || (w.a == -EBUSY && w.b)); /* refused, so the page is still mapped */
    if (w.a == 0)
        w.hole = NULL;
    EXPECT(words_are(w.folio->pfn + 3, 2, w.hole ? memdesc_make(MEMDESC_HOLE, w.hole) : folio_word(w.folio)));
    end_object();
}
TEST(race, a_hole_is_mended_while_somebody_holds_on_to_it)
{
    RACE(mend, pin, .before = begin_hole, .after = mended_or_held);
}

/* --- look-ups ---------------------------------------------------------------------------------- */
static void look_up(void)
{
    struct folio *f = pfn_folio_get(w.pfn);
    w.found = f;
}
static u32 known; /* rounds in which the frame that is looked up is the frame that is taken */
/* The other CPU will take the last frame of its cache. */
static void begin_known_frame(void)
{
    const struct frame_class *frames = &cpu_area((this_cpu()->cpu + 1) % nr_cpus)->frames.class[0];

    begin();
    map_at_base(1, NULL);
    ASSERT(pt_ensure(w.mm, TEST_BASE, 0) != NULL);
    w.pfn = frames->nr ? frames->pfn[frames->nr - 1] : memory.first;
}
static void the_reference_counts(void)
{
    EXPECT_EQ(w.b, 0);
    known += pte_pfn(mm_lookup(w.mm, TEST_BASE)) == w.pfn;
    if (w.found) {
        EXPECT_EQ(folio_ref_count(w.found), 2);
        EXPECT_EQ(folio_map_count(w.found), 1);
        folio_put(w.found);
    }
    end();
}
TEST(race, a_look_up_while_the_folio_is_made)
{
    known = 0;
    struct race_places places = RACE(look_up, fault_write_page, .before = begin_known_frame, .after = the_reference_counts);
    EXPECT(known > places.rounds / 2 || nr_cpus == 1);
}

static void unmap_all_of_it(void) { w.b = mm_unmap(w.mm, TEST_BASE, PAGES(16)); }
static void begin_sixteen(void)
{
    begin_private(16);
    w.pfn = w.folio->pfn + 5;
    folio_put(w.folio); /* only the mappings' references remain */
    seem_active_everywhere(w.mm);
}
static void found_or_free(void)
{
    EXPECT_EQ(w.b, 0);
    if (w.found) {
        EXPECT_EQ(folio_ref_count(w.found), 1);
        EXPECT_EQ(folio_map_count(w.found), 0);
        folio_put(w.found);
    }
    EXPECT_EQ(memdesc_type(memdesc_read(w.pfn)), MEMDESC_BUDDY);
    end();
}
TEST(race, a_look_up_while_the_folio_is_freed)
{
    RACE(look_up, unmap_all_of_it, .before = begin_sixteen, .after = found_or_free);
}

/* --- blocks and groups that are split ---------------------------------------------------------- */
/* What memory_failure() does to the tables, without losing a frame. */
static void take_one_page(void) { rmap_unmap_frames(w.folio, 7, 1); }
static void begin_private_block(void)
{
    vaddr_t at = TEST_BASE;

    begin();
    ASSERT_EQ(mm_map(w.mm, &at, BLOCK_BYTES, RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
    ASSERT_EQ(mm_madvise(w.mm, at, BLOCK_BYTES, MADV_HUGEPAGE), 0);
    ASSERT_EQ(mm_fault(w.mm, at, ACCESS_WRITE), 0);
    w.folio = mapped_folio(pte_pfn(mm_lookup(w.mm, at)));
    folio_get(w.folio);
    seem_active_everywhere(w.mm);
}

static void protect_block(void) { w.b = mm_protect(w.mm, TEST_BASE, BLOCK_BYTES, PROT_READ); }
static void nothing_is_writable(void)
{
    EXPECT_EQ(w.b, 0);
    EXPECT(!pte_write(mm_lookup(w.mm, TEST_BASE)) && !pte_write(mm_lookup(w.mm, TEST_BASE + BLOCK_BYTES - PAGE_SIZE)));
    end_private();
}
TEST(race, mprotect_while_a_block_is_split)
{
    if (!arch_pt_block_ok(1))
        SKIP("this machine has no blocks");
    RACE(take_one_page, protect_block, .before = begin_private_block, .after = nothing_is_writable);
}
TEST(race, a_block_is_split_while_it_is_protected)
{
    if (!arch_pt_block_ok(1))
        SKIP("this machine has no blocks");
    RACE(protect_block, take_one_page, .before = begin_private_block, .after = nothing_is_writable);
}

static void unmap_block(void) { w.b = mm_unmap(w.mm, TEST_BASE, BLOCK_BYTES); }
static void nothing_is_mapped(void)
{
    EXPECT_EQ(w.b, 0);
    EXPECT_EQ(w.mm->nr_mapped, 0);
    EXPECT_EQ(folio_ref_count(w.folio), 1);
    end_private();
}
TEST(race, a_block_is_unmapped_while_it_is_split)
{
    if (!arch_pt_block_ok(1))
        SKIP("this machine has no blocks");
    RACE(unmap_block, take_one_page, .before = begin_private_block, .after = nothing_is_mapped);
}

static void the_child_has_it_too(void)
{
    ASSERT(w.child != NULL);
    EXPECT(pte_present(mm_lookup(w.child, TEST_BASE)));
    EXPECT_EQ(pte_pfn(mm_lookup(w.child, TEST_BASE)), pte_pfn(mm_lookup(w.mm, TEST_BASE)));
    check_address_space(w.child);
    mm_put(w.child);
    end_private();
}
TEST(race, a_process_forks_while_a_block_is_split)
{
    if (!arch_pt_block_ok(1))
        SKIP("this machine has no blocks");
    RACE(fork_mm, take_one_page, .before = begin_private_block, .after = the_child_has_it_too);
}

/* A look-up without a lock finds the page, whatever is done to its group. */
static void see_page_0(void) { w.a = pte_present(pt_lookup(&w.mm->root, TEST_BASE)); }
static void begin_group(void)
{
    begin_private(16);
    seem_active_everywhere(w.mm);
}
static void it_was_there(void)
{
    EXPECT_EQ(w.a, 1);
    end_private();
}
TEST(race, a_look_at_an_entry_while_its_group_is_undone)
{
    RACE(see_page_0, take_one_page, .before = begin_group, .after = it_was_there);
}

/* --- copies and zeros -------------------------------------------------------------------------- */
static void see_something(void) { w.a = pte_present(pt_lookup(&w.mm->root, TEST_BASE)); }
static void begin_forked(void)
{
    begin_private(1);
    w.child = mm_clone(w.mm);
    seem_active_everywhere(w.mm);
}
static void parent_has_its_own(void)
{
    EXPECT_EQ(w.a, 1);
    EXPECT_EQ(w.b, 0);
    EXPECT(pte_write(mm_lookup(w.mm, TEST_BASE)));
    mm_put(w.child);
    end_private();
}
TEST(race, an_entry_that_becomes_a_copy_is_never_empty)
{
    RACE(see_something, fault_write_page, .before = begin_forked, .after = parent_has_its_own);
}

static void begin_zeros(void)
{
    begin();
    map_at_base(16, NULL);
    ASSERT_EQ(mm_fault(w.mm, TEST_BASE, ACCESS_READ), 0);
    seem_active_everywhere(w.mm);
}
static void memory_has_come(void)
{
    EXPECT_EQ(w.a, 1);
    EXPECT_EQ(w.b, 0);
    EXPECT(pte_write(mm_lookup(w.mm, TEST_BASE)));
    end();
}
TEST(race, an_entry_of_zeros_that_is_written_is_never_empty)
{
    RACE(see_something, fault_write_page, .before = begin_zeros, .after = memory_has_come);
}

static void fault_write_too(void) { w.a = mm_fault(w.mm, TEST_BASE + PAGES(9), ACCESS_WRITE); }
static void begin_untouched(void)
{
    begin();
    map_at_base(16, NULL);
}
static void one_folio_for_both(void)
{
    EXPECT_EQ(w.a, 0);
    EXPECT_EQ(w.b, 0);
    EXPECT_EQ(w.mm->nr_mapped, 16);
    EXPECT_EQ(pte_pfn(mm_lookup(w.mm, TEST_BASE)) + 9, pte_pfn(mm_lookup(w.mm, TEST_BASE + PAGES(9))));
    end();
}
TEST(race, two_first_writes)
{
    RACE(fault_write_too, fault_write_page, .before = begin_untouched, .after = one_folio_for_both);
}

/* --- broken frames and parts ------------------------------------------------------------------- */
static void split_folio(void) { w.b = folio_split(w.folio, 2); }
static void begin_loose(void)
{
    begin();
    w.folio = folio_alloc(4, 0);
    ASSERT(w.folio != NULL);
    w.pfn = w.folio->pfn + 9;
}
static void whole_or_in_parts(void)
{
    pfn_t first = w.folio->pfn;
    if (w.found) /* a reference to the whole, which then couldn't be split, or to a part */
        folio_put(w.found);
    EXPECT(w.b == 0 || (w.b == -EAGAIN && w.found));
    if (w.b == 0)
        for (unsigned i = 1; i < 4; i++) {
            struct folio *part = memdesc_pointer(memdesc_read(first + 4 * i));
            EXPECT_EQ(folio_ref_count(part), 1);
            folio_put(part);
        }
    EXPECT_EQ(folio_ref_count(w.folio), 1);
    folio_put(w.folio);
    end();
}
TEST(race, a_folio_is_split_while_somebody_looks_it_up)
{
    RACE(look_up, split_folio, .before = begin_loose, .after = whole_or_in_parts);
}

static void trim_parts(void) { w.a = (int)folios_trim(NULL, ~0UL); }
static void fault_again(void) { w.b = mm_fault(w.mm, TEST_BASE + PAGES(1), ACCESS_WRITE); }
static void begin_part(void)
{
    begin_private(16);
    folio_put(w.folio);
    ASSERT_EQ(mm_madvise(w.mm, TEST_BASE + PAGES(1), PAGES(14), MADV_DONTNEED), 0);
    seem_active_everywhere(w.mm);
}
static void fourteen_frames_are_back(void)
{
    EXPECT_EQ(w.b, 0);
    EXPECT_EQ(w.a, 14);
    EXPECT_EQ(w.mm->nr_mapped, 3);
    end();
}
TEST(race, a_folio_is_trimmed_while_its_neighbours_are_touched)
{
    folios_trim(NULL, ~0UL);
    RACE(trim_parts, fault_again, .before = begin_part, .after = fourteen_frames_are_back);
}

static void drop_last(void) { w.b = mm_unmap(w.mm, TEST_BASE, PAGES(16)); }
static void nothing_is_left(void)
{
    EXPECT_EQ(w.b, 0);
    EXPECT(w.a == 0 || w.a == 14);
    EXPECT_EQ(w.mm->nr_mapped, 0);
    end();
}
TEST(race, a_folio_is_trimmed_while_it_is_unmapped)
{
    folios_trim(NULL, ~0UL);
    RACE(trim_parts, drop_last, .before = begin_part, .after = nothing_is_left);
}

/* --- writing from outside ---------------------------------------------------------------------- */
static unsigned same_frame;

static void map_page_beside_another(struct mm *mm)
{
    ASSERT_EQ(map_at(mm, TEST_BASE, PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED), 0);
    ASSERT_EQ(map_at(mm, TEST_BASE + PAGES(4), PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED), 0);
    ASSERT_EQ(mm_fault(mm, TEST_BASE + PAGES(4), ACCESS_WRITE), 0); /* so the table is there, and stays */
}
static void begin_two_spaces(void)
{
    begin();
    w.child = mm_create();
    ASSERT(w.child != NULL);
    map_page_beside_another(w.mm);
    map_page_beside_another(w.child);
    ASSERT_EQ(mm_fault(w.mm, TEST_BASE, ACCESS_WRITE), 0);
    w.pfn = mapped_frame(w.mm, TEST_BASE);
}
static void write_from_outside(void) { w.b = mm_write(w.mm, TEST_BASE, "x", 1); }
static void give_the_frame_to_another(void)
{
    w.a = mm_unmap(w.mm, TEST_BASE, PAGE_SIZE);
    EXPECT_EQ(mm_fault(w.child, TEST_BASE, ACCESS_WRITE), 0);
    same_frame += mapped_frame(w.child, TEST_BASE) == w.pfn;
}
static void the_other_has_its_zeros(void)
{
    EXPECT_EQ(w.a, 0);
    EXPECT(w.b == 0 || w.b == -EFAULT);
    EXPECT_EQ(*user_byte(w.child, TEST_BASE), 0);
    mm_put(w.child);
    end();
}
TEST(race, a_write_from_outside_while_the_page_goes_to_another_process)
{
    same_frame = 0;
    RACE(give_the_frame_to_another, write_from_outside, .before = begin_two_spaces, .after = the_other_has_its_zeros);
    EXPECT(same_frame > 0);
}

/* --- accounts ---------------------------------------------------------------------------------- */
static struct quota *narrow;
static void make_account(void) { ASSERT((narrow = quota_create(100)) != NULL); }
static void ask_for_little(void) { EXPECT(quota_charge(narrow, 4)); }
static void ask_for_too_much(void) { EXPECT(!quota_charge(narrow, 1000)); }
static void little_was_charged(void)
{
    EXPECT_EQ(quota_used(narrow), 4);
    quota_uncharge(narrow, 4);
    quota_put(narrow);
}

/* A refused charge is never in the account, not even for a moment; otherwise a small request of another thread would be
 * refused. */
TEST(race, a_hopeless_request_is_in_nobodys_way)
{
    RACE(ask_for_little, ask_for_too_much, .before = make_account, .after = little_was_charged);
}
