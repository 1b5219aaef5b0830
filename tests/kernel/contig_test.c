/* SPDX-License-Identifier: MIT */
/*
 * Groups of entries, which may share one TLB entry on arm64 (contiguous bit) and riscv (Svnapot, where the hart has
 * it). Whatever happens to a part of a group, the contents and rights of pages must be the same as with single entries.
 * Only groups in the TLB are made again of single entries: pt_fold().
 */
#include "helpers.h"
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/poison.h>
#include <quire/tlb.h>

#define GROUP_BYTES (PT_CONT * PAGE_SIZE)

/* An area of 4 default folios, all touched: 4 groups. */
struct groups {
    struct mm *mm;
    vaddr_t base;
};

static void groups_open(struct groups *t)
{
    t->mm = mm_create();
    ASSERT(t->mm);
    t->base = TEST_BASE;
    ASSERT_EQ(mm_map(t->mm, &t->base, 4 * GROUP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                     NULL, 0), 0);
    for (unsigned i = 0; i < 4; i++)
        ASSERT_EQ(mm_fault(t->mm, t->base + i * GROUP_BYTES, ACCESS_WRITE), 0);
}

static pte_t raw_at(struct mm *mm, vaddr_t addr)
{
    unsigned level;
    pte_t *p = pt_walk(&mm->root, addr, &level);
    return level ? pte_empty(0) : pte_load_raw(p);
}

static unsigned groups_in(struct groups *t)
{
    unsigned n = 0;

    for (unsigned i = 0; i < 4; i++) {
        unsigned entries = 0;
        for (unsigned k = 0; k < PT_CONT; k++)
            entries += pte_cont(raw_at(t->mm, t->base + (i * PT_CONT + k) * PAGE_SIZE));
        EXPECT(entries == 0 || entries == PT_CONT); /* whole groups or none */
        n += entries == PT_CONT;
    }
    return n;
}

/* Within a folio each page's frame follows the frame of the page before, in groups and in single entries. */
static void frames_follow(struct groups *t, struct mm *mm)
{
    for (unsigned i = 0; i < 4 * PT_CONT; i++) {
        pte_t e = mm_lookup(mm, t->base + i * PAGE_SIZE), first = mm_lookup(mm, t->base + i / PT_CONT * GROUP_BYTES);
        if (pte_present(e) && pte_present(first))
            EXPECT_EQ(pte_pfn(e), pte_pfn(first) + i % PT_CONT);
    }
}

TEST(contig, a_default_folio_is_one_group)
{
    struct groups t;

    groups_open(&t);
    EXPECT_EQ(groups_in(&t), 4);
    frames_follow(&t, t.mm);
    for (unsigned i = 0; i < 4 * PT_CONT; i++) {
        pte_t e = mm_lookup(t.mm, t.base + i * PAGE_SIZE);
        EXPECT(pte_present(e) && pte_write(e) && pte_user(e) && !pte_exec(e) && pte_young(e) && !pte_cont(e));
    }
    mm_put(t.mm);
}

TEST(contig, a_group_that_a_range_cuts_is_undone_and_others_stay)
{
    struct groups t;

    groups_open(&t);
    u64 before = test_count(COUNTER_UNFOLD);
    /* the end of the first group, the beginning of the second */
    EXPECT_EQ(mm_unmap(t.mm, t.base + 5 * PAGE_SIZE, GROUP_BYTES), 0);
    EXPECT_EQ(test_count(COUNTER_UNFOLD) - before, 2);
    EXPECT_EQ(groups_in(&t), 2);
    frames_follow(&t, t.mm);
    for (unsigned i = 0; i < 4 * PT_CONT; i++)
        EXPECT_EQ(pte_present(mm_lookup(t.mm, t.base + i * PAGE_SIZE)), i < 5 || i >= PT_CONT + 5);
    mm_put(t.mm);
}

TEST(contig, protecting_whole_groups_keeps_them_and_a_part_does_not)
{
    struct groups t;

    groups_open(&t);
    u64 before = test_count(COUNTER_UNFOLD);
    EXPECT_EQ(mm_protect(t.mm, t.base, 2 * GROUP_BYTES, PROT_READ), 0);
    EXPECT_EQ(test_count(COUNTER_UNFOLD), before);
    EXPECT_EQ(groups_in(&t), 4);
    EXPECT_EQ(mm_protect(t.mm, t.base + GROUP_BYTES, PAGE_SIZE, PROT_NONE), 0);
    EXPECT_EQ(groups_in(&t), 3);
    frames_follow(&t, t.mm);
    for (unsigned i = 0; i < 4 * PT_CONT; i++) {
        pte_t e = mm_lookup(t.mm, t.base + i * PAGE_SIZE);
        EXPECT_EQ(pte_write(e), i >= 2 * PT_CONT);
        EXPECT_EQ(pte_accessible(e), i != PT_CONT);
    }
    mm_put(t.mm);
}

TEST(contig, fork_keeps_groups_on_both_sides_and_a_write_undoes_one)
{
    struct groups t;

    groups_open(&t);
    struct ledger before = ledger_read();
    struct mm *child = mm_clone(t.mm);
    struct groups c = {child, t.base};
    ASSERT(child);
    EXPECT_EQ(groups_in(&t), 4);
    EXPECT_EQ(groups_in(&c), 4);
    for (unsigned i = 0; i < 4 * PT_CONT; i++) {
        pte_t e = mm_lookup(t.mm, t.base + i * PAGE_SIZE);
        EXPECT(pte_same(e, mm_lookup(child, t.base + i * PAGE_SIZE)) && !pte_write(e));
    }
    EXPECT_EQ(mm_fault(child, t.base + 3 * PAGE_SIZE, ACCESS_WRITE), 0);
    EXPECT_EQ(groups_in(&t), 4);
    EXPECT(pte_write(mm_lookup(child, t.base + 3 * PAGE_SIZE)));
    EXPECT(!pte_same(mm_lookup(t.mm, t.base + 3 * PAGE_SIZE), mm_lookup(child, t.base + 3 * PAGE_SIZE)));
    frames_follow(&t, t.mm);
    mm_put(child);
    EXPECT_LEDGER(before);
    mm_put(t.mm);
}

/* Bug 16: the old check "is there anything to do?" looked at the group, but the hardware looked at the entry. */
TEST(contig, an_aged_group_becomes_young_again_where_it_is_used)
{
    struct groups t;
    unsigned level;

    groups_open(&t);
    pte_t *p = pt_walk(&t.mm->root, t.base, &level);
    spin_lock(pt_lock(p));
    EXPECT_EQ(age_ptes(t.mm, t.base, p, PT_CONT), PT_CONT);
    EXPECT_EQ(age_ptes(t.mm, t.base, p, PT_CONT), 0);
    spin_unlock(pt_lock(p));
    tlb_flush_range(t.mm, t.base, PT_CONT);
    EXPECT_EQ(groups_in(&t), 4); /* aged as a whole */
    EXPECT_EQ(mm_fault(t.mm, t.base + 7 * PAGE_SIZE, ACCESS_READ), 0);
    EXPECT(pte_young(mm_lookup(t.mm, t.base + 7 * PAGE_SIZE)));
    groups_in(&t);
    frames_follow(&t, t.mm);
    mm_put(t.mm);
}

TEST(contig, what_the_hardware_set_in_one_entry_is_true_of_all_when_the_group_is_undone)
{
    struct groups t;
    unsigned level;

    groups_open(&t);
    pte_t *p = pt_walk(&t.mm->root, t.base, &level);
    spin_lock(pt_lock(p));
    age_ptes(t.mm, t.base, p, PT_CONT);
    pte_store(p + 9, pte_mkyoung(pte_load_raw(p + 9))); /* as the hardware would set it */
    pt_unfold(t.mm, t.base + 2 * PAGE_SIZE, p + 2);
    spin_unlock(pt_lock(p));
    for (unsigned i = 0; i < PT_CONT; i++) /* one entry of the TLB stands for all; elsewhere each keeps its own bit */
        EXPECT_EQ(pte_young(mm_lookup(t.mm, t.base + i * PAGE_SIZE)), arch_group_in_tlb() || i == 9);
    EXPECT_EQ(groups_in(&t), 3);
    frames_follow(&t, t.mm);
    mm_put(t.mm);
}

TEST(contig, undoing_and_making_a_group_breaks_before_it_makes)
{
    struct groups t;
    unsigned level;

    groups_open(&t);
    t.mm->root.cpumask |= 1u << this_cpu()->cpu; /* as if it ran here: only CPUs in the mask are flushed */
    u64 flushes = test_count(COUNTER_FLUSH_LOCAL);
    pte_t *p = pt_walk(&t.mm->root, t.base, &level);
    spin_lock(pt_lock(p));
    pt_unfold(t.mm, t.base, p);
    EXPECT_EQ(test_count(COUNTER_FLUSH_LOCAL) - flushes, arch_group_in_tlb() ? 1 : 0);
    EXPECT_EQ(pt_fold(t.mm, t.base + 4 * PAGE_SIZE, p + 4), arch_group_in_tlb());
    EXPECT_EQ(test_count(COUNTER_FLUSH_LOCAL) - flushes, arch_group_in_tlb() ? 2 : 0);
    EXPECT(!pt_fold(t.mm, t.base, p)); /* it is a group already */
    spin_unlock(pt_lock(p));
    EXPECT_EQ(groups_in(&t), arch_group_in_tlb() ? 4 : 3);
    frames_follow(&t, t.mm);
    mm_put(t.mm);
}

TEST(contig, entries_that_differ_in_anything_are_not_made_a_group)
{
    struct groups t;
    unsigned level;

    groups_open(&t);
    pte_t *p = pt_walk(&t.mm->root, t.base, &level);
    spin_lock(pt_lock(p));
    pt_unfold(t.mm, t.base, p);
    pte_t keep = pte_load(p + 6);
    pte_store(p + 6, pte_wrprotect(keep));
    EXPECT(!pt_fold(t.mm, t.base, p));
    pte_store(p + 6, pte_mkold(keep));
    EXPECT(!pt_fold(t.mm, t.base, p));
    pte_store(p + 6, pte_empty(0));
    EXPECT(!pt_fold(t.mm, t.base, p));
    pte_store(p + 6, pte_advance_pfn(keep, 1));
    EXPECT(!pt_fold(t.mm, t.base, p));
    pte_store(p + 6, keep);
    EXPECT_EQ(pt_fold(t.mm, t.base, p), arch_group_in_tlb());
    spin_unlock(pt_lock(p));
    mm_put(t.mm);
}

/* Bugs 9 and 8: replacing one entry of a group, and marks that hold no frame. */
TEST(contig, one_entry_of_a_group_may_be_replaced_and_poisoned)
{
    struct groups t;

    groups_open(&t);
    pfn_t pfn = pte_pfn(mm_lookup(t.mm, t.base + GROUP_BYTES + 4 * PAGE_SIZE));
    EXPECT_EQ(memory_failure(pfn), 0);
    EXPECT_EQ(groups_in(&t), 3);
    EXPECT_EQ(mm_fault(t.mm, t.base + GROUP_BYTES + 4 * PAGE_SIZE, ACCESS_READ), -EHWPOISON);
    for (unsigned i = 0; i < 4 * PT_CONT; i++)
        EXPECT_EQ(pte_present(mm_lookup(t.mm, t.base + i * PAGE_SIZE)), i != PT_CONT + 4);
    frames_follow(&t, t.mm);
    mm_put(t.mm);
    test_allow_leak("a broken frame never comes back");
}

TEST(contig, a_mended_hole_completes_its_group_again)
{
    struct groups t;

    groups_open(&t);
    struct folio *f = folio_alloc(4, 0);
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, PT_CONT, NULL);
    struct insecure_mem *hole;
    vaddr_t at = TEST_BASE + 64 * MiB;

    ASSERT(f && obj);
    folio_get(f);
    ASSERT_EQ(memobj_add_folio(obj, 0, f), 0);
    ASSERT_EQ(mm_map(t.mm, &at, GROUP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, obj, 0), 0);
    ASSERT_EQ(mm_fault(t.mm, at, ACCESS_READ), 0);
    EXPECT(pte_cont(raw_at(t.mm, at)));
    ASSERT_EQ(folio_punch_hole(f, 4, 4, HOLE_INSECURE, &hole), 0);
    EXPECT(!pte_cont(raw_at(t.mm, at)));
    EXPECT(!pte_present(mm_lookup(t.mm, at + 4 * PAGE_SIZE)));
    EXPECT(pte_present(mm_lookup(t.mm, at + 8 * PAGE_SIZE)));
    EXPECT_EQ(folio_mend_hole(hole), 0);
    EXPECT_EQ(touch_range(t.mm, at + 4 * PAGE_SIZE, 4 * PAGE_SIZE, ACCESS_READ), 0);
    EXPECT_EQ(pte_cont(raw_at(t.mm, at)), arch_group_in_tlb());
    for (unsigned i = 0; i < PT_CONT; i++)
        EXPECT_EQ(pte_pfn(mm_lookup(t.mm, at + i * PAGE_SIZE)), f->pfn + i);
    mm_put(t.mm);
    memobj_put(obj);
    folio_put(f);
}

/* Reads of pages that were never aged need no fault. */
static unsigned pages_that_fault(struct groups *t)
{
    unsigned n = 0;

    for (unsigned i = 0; i < PT_CONT; i++) {
        pte_t e = mm_lookup(t->mm, t->base + i * PAGE_SIZE);
        n += !pte_same(e, pte_mkyoung(e));
    }
    return n;
}

TEST(contig, a_write_to_one_page_of_a_shared_group_leaves_the_others_valid)
{
    for (unsigned page = 0; page < PT_CONT; page += 3) {
        struct groups t = {mm_create(), TEST_BASE};
        ASSERT(t.mm);
        ASSERT_EQ(
            mm_map(t.mm, &t.base, GROUP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, NULL, 0),
            0);
        ASSERT_EQ(mm_fault(t.mm, t.base, ACCESS_WRITE), 0);
        EXPECT_EQ(mm_protect(t.mm, t.base, GROUP_BYTES, PROT_READ), 0);
        EXPECT_EQ(mm_protect(t.mm, t.base, GROUP_BYTES, PROT_READ | PROT_WRITE), 0);
        EXPECT(pte_cont(raw_at(t.mm, t.base)));
        EXPECT_EQ(mm_fault(t.mm, t.base + page * PAGE_SIZE, ACCESS_WRITE), 0);
        EXPECT_EQ(pages_that_fault(&t), 0);
        mm_put(t.mm);
    }
}

static u64 flushes_of_unmapping(bool aged)
{
    struct groups t;

    groups_open(&t);
    t.mm->root.cpumask |= 1u << this_cpu()->cpu;
    if (aged)
        ASSERT_EQ(mm_madvise(t.mm, t.base, 4 * GROUP_BYTES, MADV_COLD), 0);
    u64 before = test_count(COUNTER_FLUSH_LOCAL);
    ASSERT_EQ(mm_madvise(t.mm, t.base, 4 * GROUP_BYTES, MADV_DONTNEED), 0);
    u64 flushes = test_count(COUNTER_FLUSH_LOCAL) - before;
    mm_put(t.mm);
    return flushes;
}

TEST(contig, unmapping_aged_groups_flushes_no_more_than_unmapping_young_ones)
{
    u64 young = flushes_of_unmapping(false), aged = flushes_of_unmapping(true);

    EXPECT_EQ(young, 1);
    EXPECT(aged <= (arch_group_in_tlb() ? 5 : 1)); /* in the TLB, undoing each of the four needs a flush */
}
