/* SPDX-License-Identifier: MIT */
/*
 * Page-table entries, the walker, the range interface. Properties of a format come from its own helper functions.
 */
#include "helpers.h"
#include <quire/buddy.h>
#include <quire/errno.h>
#include <quire/memory_init.h>
#include <quire/string.h>

/* --- entries --------------------------------------------------------------------------- */
#define USER_RW (PGPROT_USER | PGPROT_READ | PGPROT_WRITE | PGPROT_DIRTY)
static const pgprot_t protections[] = {
    PGPROT_USER, /* PROT_NONE */
    PGPROT_USER | PGPROT_READ,
    PGPROT_USER | PGPROT_READ | PGPROT_EXEC,
    PGPROT_USER | PGPROT_READ | PGPROT_OLD,
    USER_RW,
    PGPROT_KERNEL_RO,
    PGPROT_KERNEL_RX,
    PGPROT_KERNEL_RW,
};
static const pfn_t frames[] = {0, 1, 0x12345, 0x7ffffff, 0x80000, 0xfedcba};

TEST(pgtable, an_entry_gives_back_what_it_was_made_of)
{
    for (unsigned i = 0; i < ARRAY_SIZE(protections); i++) {
        for (unsigned k = 0; k < ARRAY_SIZE(frames); k++) {
            pgprot_t p = protections[i];
            pte_t e = pfn_pte(frames[k], p);
            EXPECT(pte_present(e));
            EXPECT_EQ(pte_pfn(e), frames[k]);
            EXPECT_EQ(pte_accessible(e), !!(p & PGPROT_READ));
            EXPECT_EQ(pte_write(e), !!(p & PGPROT_WRITE));
            EXPECT_EQ(pte_user(e), !!(p & PGPROT_USER));
            EXPECT_EQ(pte_exec(e), !!(p & PGPROT_EXEC));
            EXPECT_EQ(pte_young(e), !(p & PGPROT_OLD));
            EXPECT_EQ(pte_dirty(e), !!(p & PGPROT_DIRTY));
            EXPECT(!pte_poisoned(e));
            EXPECT(!pte_none(e));
        }
    }
}

TEST(pgtable, empty_and_poisoned_entries_are_not_present)
{
    for (unsigned level = 0; level < PT_LEVELS; level++)
        EXPECT(level ? !pde_present(pte_empty(level), level) : !pte_present(pte_empty(0)));
    EXPECT(pte_none(pte_empty(0)));
    EXPECT(!pte_accessible(pte_empty(0)));
    EXPECT(!pte_present(pte_poison()));
    EXPECT(!pte_accessible(pte_poison()));
    EXPECT(pte_poisoned(pte_poison()));
    EXPECT(!pte_none(pte_poison()));
    EXPECT(!pte_poisoned(pte_empty(0)));
}

/* Whether the entries are the same except for the property `what`. */
static bool same_but(pte_t a, pte_t b, unsigned what)
{
    return pte_present(a) == pte_present(b) && pte_pfn(a) == pte_pfn(b) &&
           pte_user(a) == pte_user(b) && pte_exec(a) == pte_exec(b) &&
           pte_accessible(a) == pte_accessible(b) &&
           (what == 'w' || pte_write(a) == pte_write(b)) &&
           (what == 'y' || pte_young(a) == pte_young(b)) &&
           (what == 'd' || pte_dirty(a) == pte_dirty(b));
}

TEST(pgtable, each_change_of_an_entry_changes_only_that)
{
    for (unsigned i = 0; i < ARRAY_SIZE(protections); i++) {
        pte_t e = pfn_pte(0x4321, protections[i]);
        EXPECT(!pte_write(pte_wrprotect(e)) && same_but(e, pte_wrprotect(e), 'w'));
        EXPECT(!pte_young(pte_mkold(e)) && same_but(e, pte_mkold(e), 'y'));
        EXPECT(pte_young(pte_mkyoung(e)) && same_but(e, pte_mkyoung(e), 'y'));
        EXPECT(pte_dirty(pte_mkdirty(e)) && same_but(e, pte_mkdirty(e), 'd'));
        EXPECT(pte_same(pte_mkyoung(pte_mkyoung(e)), pte_mkyoung(e)));
        EXPECT(pte_same(pte_wrprotect(pte_wrprotect(e)), pte_wrprotect(e)));
        EXPECT(pte_same(pte_mkdirty(pte_mkdirty(e)), pte_mkdirty(e)));
        EXPECT(pte_same(pte_mkyoung(pte_mkold(e)), pte_mkyoung(e)));
    }
}

TEST(pgtable, write_protection_keeps_dirty)
{
    pte_t e = pfn_pte(77, USER_RW);

    EXPECT(pte_dirty(e));
    EXPECT(pte_dirty(pte_wrprotect(e)));
    EXPECT(pte_write(pte_mkwrite(pte_wrprotect(e))));
    EXPECT(pte_dirty(pte_mkwrite(pte_wrprotect(e))));
}

#define CARRY 0x3fffff0UL /* 16 frames below a round number, and beyond any machine's memory */

TEST(pgtable, advancing_by_many_is_advancing_one_by_one)
{
    for (unsigned i = 0; i < ARRAY_SIZE(protections); i++) {
        pte_t start = pfn_pte(CARRY, protections[i]), e = start; /* crosses a carry */
        for (unsigned n = 0; n < 600; n++) {
            EXPECT(pte_same(e, pte_advance_pfn(start, n)));
            EXPECT(pte_same(
                e, pfn_pte(CARRY + n, protections[i]))); /* bugs 1 and 4: nothing else moves */
            e = pte_advance_pfn(e, 1);
        }
    }
}

TEST(pgtable, the_last_frame_does_not_overflow_into_the_attributes)
{
    pfn_t last = (1UL << 27) - 1;

    for (unsigned i = 0; i < ARRAY_SIZE(protections); i++) {
        pte_t e = pte_advance_pfn(pfn_pte(last - 511, protections[i]), 511);
        EXPECT_EQ(pte_pfn(e), last);
        EXPECT(pte_same(e, pfn_pte(last, protections[i])));
    }
}

TEST(pgtable, a_block_stands_for_its_pages)
{
    if (!arch_pt_block_ok(1))
        SKIP("this machine has no blocks");
    pfn_t first = 0x4000000;
    pte_t block = pfn_block(first, PGPROT_KERNEL_RW, 1);

    EXPECT(pde_present(block, 1));
    EXPECT(pde_leaf(block, 1));
    for (u64 i = 0; i < pt_span(1) >> PAGE_SHIFT; i += 37) {
        pte_t e = pte_of_block(block, 1, i);
        EXPECT_EQ(pte_pfn(e), first + i);
        EXPECT(pte_present(e) && pte_write(e) && !pte_exec(e) && !pte_user(e));
    }
}

TEST(pgtable, a_table_entry_leads_to_its_table)
{
    pte_t *table = pt_table_alloc(NULL, 0);

    ASSERT(table != NULL);
    for (unsigned level = 1; level < PT_LEVELS; level++) {
        pte_t e = pde_make(address_paddr(table), level);
        EXPECT(pde_present(e, level));
        EXPECT(!pde_leaf(e, level));
        EXPECT(pt_table_of(e, level) == table);
    }
    for (unsigned i = 0; i < PT_ENTRIES(0); i++)
        EXPECT(pte_none(pte_load(table + i)));
    pt_table_free(table);
}

/* --- the walker ------------------------------------------------------------------------ */
TEST(pgtable, the_walk_ends_where_the_tree_ends)
{
    struct mm *mm = mm_create();
    unsigned level;

    ASSERT(mm != NULL);
    pt_walk(&mm->root, TEST_BASE, &level);
    EXPECT_EQ(level, PT_LEVELS - 1);
    EXPECT(!pte_present(pt_lookup(&mm->root, TEST_BASE)));
    pte_t *entry = pt_ensure(mm, TEST_BASE, 0);
    ASSERT(entry != NULL);
    EXPECT(pt_walk(&mm->root, TEST_BASE, &level) == entry);
    EXPECT_EQ(level, 0);
    EXPECT(pt_ensure(mm, TEST_BASE, 0) == entry); /* found again, not made again */
    EXPECT(pt_walk(&mm->root, TEST_BASE + PAGE_SIZE, &level) == entry + 1);
    pt_walk(&mm->root, TEST_BASE + pt_span(1), &level);
    EXPECT(level > 0);
    mm_put(mm);
}

TEST(pgtable, every_address_has_its_own_entry)
{
    struct mm *mm = mm_create();
    vaddr_t at[] = {PAGE_SIZE, TEST_BASE, TEST_BASE + pt_span(1) - PAGE_SIZE,
                    TEST_BASE + pt_span(1), USER_TOP - PAGE_SIZE};

    for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
        pte_t *entry = pt_ensure(mm, at[i], 0);
        ASSERT(entry != NULL);
        spin_lock(pt_lock(entry));
        set_pte_at(mm, at[i], entry, pfn_pte(100 + i, USER_RW));
        spin_unlock(pt_lock(entry));
    }
    for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
        EXPECT_EQ(pte_pfn(mm_lookup(mm, at[i])), 100 + i);
        pte_store(pt_ensure(mm, at[i], 0), pte_empty(0));
    }
    EXPECT(!pte_present(mm_lookup(mm, USER_TOP)));
    EXPECT(!pte_present(mm_lookup(mm, ~0UL)));
    mm_put(mm);
}

static int ensure_and_drop(void *unused)
{
    struct mm *mm = mm_create();

    (void)unused;
    int err = mm && pt_ensure(mm, TEST_BASE, 0) ? 0 : -ENOMEM;
    if (mm)
        mm_put(mm);
    return err;
}

TEST(pgtable, tables_are_given_back_and_a_missing_one_leaves_nothing)
{
    with_every_failure(ensure_and_drop, NULL);
}

TEST(pgtable, tables_are_charged_to_their_address_space)
{
    struct mm *mm = mm_create();

    EXPECT_EQ(mm->nr_table_frames, 0);
    ASSERT(pt_ensure(mm, TEST_BASE, 0) != NULL);
    u64 few = mm->nr_table_frames;
    EXPECT(few > 0);
    for (unsigned i = 1; i < 8; i++)
        ASSERT(pt_ensure(mm, TEST_BASE + i * pt_span(1), 0) != NULL);
    EXPECT(mm->nr_table_frames > few);
    unmap_tables(mm, 0, USER_TOP);
    EXPECT_EQ(mm->nr_table_frames, 0);
    mm_put(mm);
}

/* --- the range interface --------------------------------------------------------------- */
/* A folio as large as a table, and an address space with one empty table. */
struct range {
    struct mm *mm;
    struct folio *folio;
    pte_t *table;
    vaddr_t base;
};

static void range_open(struct range *r)
{
    unsigned order = (unsigned)__builtin_ctzl(PT_ENTRIES(0));

    r->mm = mm_create();
    r->folio = folio_alloc(order, 0);
    ASSERT(r->mm && r->folio);
    r->base = ALIGN_DOWN(TEST_BASE, pt_span(1));
    r->table = pt_ensure(r->mm, r->base, 0);
    ASSERT(r->table != NULL);
}

static void range_clear(struct range *r)
{
    for (unsigned i = 0; i < PT_ENTRIES(0); i++)
        pte_store(r->table + i, pte_empty(0));
}

static void range_close(struct range *r)
{
    range_clear(r);
    mm_put(r->mm);
    folio_put(r->folio);
}

static void range_set(struct range *r, unsigned at, pfn_t pfn, pgprot_t prot, unsigned nr)
{
    spin_lock(pt_lock(r->table));
    set_ptes(r->mm, r->base + at * PAGE_SIZE, r->table + at, pfn_pte(pfn, prot), nr);
    spin_unlock(pt_lock(r->table));
}

TEST(pgtable, a_batch_is_its_entries_one_by_one)
{
    struct range r;
    static const unsigned lengths[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 64, 100, 255, 256};

    range_open(&r);
    for (unsigned p = 0; p < ARRAY_SIZE(protections); p++) {
        if (!(protections[p] & PGPROT_USER))
            continue;
        for (unsigned k = 0; k < ARRAY_SIZE(lengths); k++) {
            unsigned nr = lengths[k], at = (unsigned)(test_rand() % (PT_ENTRIES(0) - nr + 1));
            range_set(&r, at, r.folio->pfn, protections[p], nr);
            for (unsigned i = 0; i < PT_ENTRIES(0); i++) {
                pte_t e = pte_load(r.table + i);
                pte_t want = i >= at && i < at + nr ? pfn_pte(r.folio->pfn + i - at, protections[p])
                                                    : pte_empty(0);
                if (!pte_same(e, want)) {
                    test_fail(__FILE__, __LINE__,
                              "set_ptes(at %u, nr %u, prot 0x%x): entry %u is wrong", at, nr,
                              protections[p], i);
                    break;
                }
            }
            range_clear(&r);
        }
    }
    range_close(&r);
}

TEST(pgtable, a_whole_table_is_one_call)
{
    struct range r;

    range_open(&r);
    range_set(&r, 0, r.folio->pfn, USER_RW, PT_ENTRIES(0));
    EXPECT_EQ(test_count(COUNTER_SET_PTES_CALLS), 1);
    EXPECT_EQ(test_count(COUNTER_SET_PTES_ENTRIES), PT_ENTRIES(0));
    for (unsigned i = 0; i < PT_ENTRIES(0); i++)
        EXPECT_EQ(pte_pfn(mm_lookup(r.mm, r.base + i * PAGE_SIZE)), r.folio->pfn + i);
    range_close(&r);
}

TEST(pgtable, one_entry_may_be_replaced)
{
    struct range r;

    range_open(&r);
    range_set(&r, 5, r.folio->pfn, USER_RW, 1);
    range_set(&r, 5, r.folio->pfn + 9, PGPROT_USER | PGPROT_READ, 1);
    EXPECT_EQ(pte_pfn(pte_load(r.table + 5)), r.folio->pfn + 9);
    range_close(&r);
}

TEST(pgtable, clearing_a_batch_clears_exactly_it)
{
    struct range r;

    range_open(&r);
    range_set(&r, 0, r.folio->pfn, USER_RW, 64);
    spin_lock(pt_lock(r.table));
    clear_ptes(r.mm, r.base + 10 * PAGE_SIZE, r.table + 10, 20);
    spin_unlock(pt_lock(r.table));
    for (unsigned i = 0; i < 64; i++)
        EXPECT_EQ(pte_present(pte_load(r.table + i)), i < 10 || i >= 30);
    range_close(&r);
}

/* --- batches that are there ------------------------------------------------------------ */
static unsigned batch_at(struct range *r, unsigned at, unsigned max, pfn_t end)
{
    return folio_pte_batch(r->table + at, pte_load(r->table + at), max, end);
}

TEST(pgtable, a_batch_is_as_long_as_frames_follow_each_other)
{
    struct range r;

    range_open(&r);
    pfn_t pfn = r.folio->pfn, end = pfn + folio_nr_pages(r.folio);
    range_set(&r, 0, pfn, USER_RW, 16);
    range_set(&r, 16, pfn + 17, USER_RW, 8); /* frame 16 is left out */
    EXPECT_EQ(batch_at(&r, 0, 64, end), 16);
    EXPECT_EQ(batch_at(&r, 5, 64, end), 11);
    EXPECT_EQ(batch_at(&r, 15, 64, end), 1);
    EXPECT_EQ(batch_at(&r, 16, 64, end), 8); /* then comes an empty entry */
    range_close(&r);
}

TEST(pgtable, a_batch_stops_at_the_folios_end_even_if_the_neighbour_looks_alike)
{
    struct range r;

    range_open(&r);
    pfn_t pfn = r.folio->pfn;
    range_set(&r, 0, pfn, USER_RW, 32);
    EXPECT_EQ(batch_at(&r, 0, 32, pfn + 4), 4); /* as if the folio had four frames (bug 10) */
    EXPECT_EQ(batch_at(&r, 3, 32, pfn + 4), 1);
    EXPECT_EQ(batch_at(&r, 0, 32, pfn + 1), 1);
    range_close(&r);
}

TEST(pgtable, a_batch_never_exceeds_what_is_asked)
{
    struct range r;

    range_open(&r);
    range_set(&r, 0, r.folio->pfn, USER_RW, PT_ENTRIES(0));
    for (unsigned max = 1; max <= PT_ENTRIES(0); max += 17)
        EXPECT_EQ(batch_at(&r, 0, max, r.folio->pfn + folio_nr_pages(r.folio)), max);
    range_close(&r);
}

TEST(pgtable, an_empty_or_poisoned_neighbour_never_belongs_to_a_batch)
{
    struct range r;

    range_open(&r);
    pfn_t end = r.folio->pfn + folio_nr_pages(r.folio);
    range_set(&r, 0, r.folio->pfn, PGPROT_USER, 8); /* PROT_NONE entries are the most similar to empty ones */
    EXPECT_EQ(batch_at(&r, 0, 64, end), 8);
    pte_store(r.table + 4, pte_empty(0));
    EXPECT_EQ(batch_at(&r, 0, 64, end), 4);
    pte_store(r.table + 2, pte_poison());
    EXPECT_EQ(batch_at(&r, 0, 64, end), 2);
    range_close(&r);
}

TEST(pgtable, another_protection_ends_a_batch_but_accessed_and_dirty_do_not)
{
    struct range r;

    range_open(&r);
    pfn_t pfn = r.folio->pfn, end = pfn + folio_nr_pages(r.folio);
    range_set(&r, 0, pfn, USER_RW, 8); /* half a group, so no contiguous entries */
    range_set(&r, 8, pfn + 8, USER_RW, 8);
    pte_store(r.table + 3, pte_mkold(pte_load(r.table + 3)));
    EXPECT_EQ(batch_at(&r, 0, 64, end), 16);
    EXPECT_EQ(batch_at(&r, 3, 64, end), 13);
    pte_store(r.table + 8, pte_wrprotect(pte_load(r.table + 8))); /* bug 12: the write bit counts */
    EXPECT_EQ(batch_at(&r, 0, 64, end), 8);
    pte_store(r.table + 5, pfn_pte(pfn + 5, PGPROT_USER));
    EXPECT_EQ(batch_at(&r, 0, 64, end), 5);
    EXPECT_EQ(batch_at(&r, 5, 64, end), 1);
    range_close(&r);
}

TEST(pgtable, a_batch_equals_its_definition_on_random_tables)
{
    struct range r;

    range_open(&r);
    pfn_t pfn = r.folio->pfn;
    for (unsigned round = 0; round < 40; round++) {
        pfn_t next = pfn;
        for (unsigned i = 0; i < 48; i++) { /* mostly consecutive, some breaks */
            u64 dice = test_rand() % 16;
            pte_t e = dice == 0   ? pte_empty(0)
                      : dice == 1 ? pfn_pte(next + 1, USER_RW)
                      : dice == 2 ? pfn_pte(next, PGPROT_USER | PGPROT_READ)
                      : dice == 3 ? pte_mkold(pfn_pte(next, USER_RW))
                                  : pfn_pte(next, USER_RW);
            pte_store(r.table + i, e);
            next++;
        }
        for (unsigned at = 0; at < 48; at++) {
            pte_t first = pte_load(r.table + at);
            if (!pte_present(first))
                continue;
            unsigned max = 1 + (unsigned)(test_rand() % (48 - at)), n = 1;
            pfn_t end = pte_pfn(first) + 1 + test_rand() % 20;
            while (n < max && pte_pfn(first) + n < end) {
                pte_t e = pte_load(r.table + at + n);
                if (!pte_present(e) || pte_pfn(e) != pte_pfn(first) + n ||
                    pte_write(e) != pte_write(first))
                    break;
                n++;
            }
            EXPECT_EQ(batch_at(&r, at, max, end), n);
        }
    }
    range_close(&r);
}

/* --- broken contracts ------------------------------------------------------------------ */
struct violation {
    struct range range;
    unsigned at, nr;
    pfn_t pfn;
    vaddr_t addr;
    bool unlocked, absent;
};

static void violate(void *arg)
{
    struct violation *v = arg;
    pte_t e = v->absent ? pte_empty(0) : pfn_pte(v->pfn, USER_RW);

    if (!v->unlocked)
        spin_lock(pt_lock(v->range.table));
    set_ptes(v->range.mm, v->addr, v->range.table + v->at, e, v->nr);
}

static void expect_violation(struct violation *v, const char *rule)
{
    EXPECT_PANIC(rule, violate, v);
    *pt_lock(v->range.table) = (spinlock_t)SPINLOCK_INIT; /* the thread that held the lock is gone */
}

TEST(pgtable, broken_contracts_of_set_ptes_panic_with_the_rule)
{
    static struct violation v;
    struct folio *other = folio_alloc(0, 0);

    memset(&v, 0, sizeof(v));
    range_open(&v.range);
    struct range *r = &v.range;
    unsigned last = PT_ENTRIES(0) - 1;

    v.pfn = r->folio->pfn, v.addr = r->base, v.nr = 0;
    expect_violation(&v, "set_ptes: nr is 0");
    v.at = last, v.addr = r->base + last * PAGE_SIZE, v.nr = 2;
    expect_violation(&v, "leave the page table: one call, one table");
    v.at = 3, v.addr = r->base + 4 * PAGE_SIZE, v.nr = 1;
    expect_violation(&v, "isn't the one for address");
    v.at = 0, v.addr = r->base, v.nr = 4, v.unlocked = true;
    expect_violation(&v, "the page-table lock isn't held");
    v.unlocked = false, v.pfn = r->folio->pfn + folio_nr_pages(r->folio) - 1, v.nr = 2;
    expect_violation(&v, "one call, one folio");
    range_set(r, 2, r->folio->pfn, USER_RW, 1);
    v.pfn = r->folio->pfn, v.nr = 4;
    expect_violation(&v, "is present already: only nr == 1 may replace");
    range_clear(r);
    v.absent = true, v.nr = 2;
    expect_violation(&v, "set_ptes: ");
    range_close(r);
    folio_put(other);
}

static void lock_of_no_table(void *arg) { pt_lock(arg); }

TEST(pgtable, an_entry_outside_tables_panics)
{
    struct folio *f = folio_alloc(0, 0);
    EXPECT_PANIC("isn't in a page table", lock_of_no_table, folio_address(f));
    folio_put(f);
}
