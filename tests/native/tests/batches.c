/* SPDX-License-Identifier: MIT */
/*
 * Batches against their definition: one call for nr entries has the same effect as nr calls for one entry. The code
 * under test is mm's; the definition is written out here.
 */
#include "all.h"
#include "batches.h"
#include "../machine/machine.h"
#include "../play/play.h"

#define BASE (8UL * MiB)

struct table batch_table(void)
{
    struct table t;

    world_begin(256, 1);
    t.mm = mm_create();
    t.entries = pt_ensure(t.mm, BASE, 0);
    t.base = BASE;
    CHECK(t.entries, "there is memory for three tables", "pt_ensure() failed");
    spin_lock(pt_lock(t.entries));
    return t;
}

void batch_table_end(struct table t)
{
    for (unsigned i = 0; i < PT_ENTRIES(0); i++)
        pte_store(t.entries + i, pte_empty(0));
    spin_unlock(pt_lock(t.entries));
    mm_put(t.mm);
    world_end(0);
}

static pte_t expected[PT_ENTRIES(0)];

static void remember(const struct table *t)
{
    for (unsigned i = 0; i < PT_ENTRIES(0); i++)
        expected[i] = pte_load(t->entries + i);
}

static void compare(const struct table *t, const char *what, unsigned first, unsigned nr)
{
    for (unsigned i = 0; i < PT_ENTRIES(0); i++)
        CHECK(pte_same(pte_load(t->entries + i), expected[i]), "a batch does what the calls for one entry each do, and nothing beside",
              "%s of entries %u + %u: entry %u is 0x%lx, one by one it is 0x%lx", what, first, nr, i,
              (unsigned long)pte_load(t->entries + i).v, (unsigned long)expected[i].v);
}

/* Writable entries are dirty from the start: mm makes no others. */
static const unsigned prots[] = {
    PGPROT_USER | PGPROT_READ, PGPROT_USER | PGPROT_READ | PGPROT_WRITE | PGPROT_DIRTY, PGPROT_USER,
    PGPROT_USER | PGPROT_READ | PGPROT_EXEC, PGPROT_USER | PGPROT_READ | PGPROT_OLD,
    PGPROT_USER | PGPROT_READ | PGPROT_WRITE | PGPROT_DIRTY | PGPROT_OLD,
};

/* Every length at some places, in tables with something on either side. */
void batch_set(void)
{
    struct table t = batch_table();

    for (unsigned nr = 1; nr <= PT_ENTRIES(0); nr++) {
        for (unsigned k = 0; k < ARRAY_SIZE(prots); k++) {
            unsigned first = (nr * 7 + k * 5) % (unsigned)(PT_ENTRIES(0) - nr + 1);
            for (unsigned i = 0; i < PT_ENTRIES(0); i++)
                pte_store(t.entries + i, i - first < nr ? pte_empty(0) : pfn_pte(0x5000 + i, PGPROT_USER | PGPROT_READ));
            remember(&t);
            for (unsigned i = 0; i < nr; i++)
                expected[first + i] = pfn_pte(0x70000 + i, prots[k]);
            set_ptes(t.mm, t.base + first * PAGE_SIZE, t.entries + first, pfn_pte(0x70000, prots[k]), nr);
            compare(&t, "set_ptes()", first, nr);
        }
    }
    batch_table_end(t);
}

/* Each entry of three groups in turn gets another frame: its group is undone, the others stay. */
void batch_replace(void)
{
    struct table t = batch_table();
    unsigned nr = 3 * PT_CONT;

    for (unsigned at = 0; at < nr; at++) {
        for (unsigned i = 0; i < PT_ENTRIES(0); i++)
            pte_store(t.entries + i, pte_empty(0));
        set_ptes(t.mm, t.base, t.entries, pfn_pte(0x70000, prots[0]), nr);
        remember(&t);
        expected[at] = pfn_pte(0x5000, prots[1]);
        set_ptes(t.mm, t.base + at * PAGE_SIZE, t.entries + at, expected[at], 1);
        compare(&t, "set_ptes() in a group", at, 1);
        for (unsigned i = 0; i < nr; i++)
            CHECK(pte_cont(pte_load_raw(t.entries + i)) == (i / PT_CONT != at / PT_CONT),
                  "the entries of a group differ in nothing: a change of one undoes its group and no other",
                  "entry %u was replaced; entry %u is%s one of a group", at, i,
                  pte_cont(pte_load_raw(t.entries + i)) ? "" : " not");
    }
    batch_table_end(t);
}

void batch_clear(void)
{
    struct table t = batch_table();

    for (unsigned nr = 1; nr <= PT_ENTRIES(0); nr++) {
        unsigned first = (nr * 11) % (unsigned)(PT_ENTRIES(0) - nr + 1);
        for (unsigned i = 0; i < PT_ENTRIES(0); i++)
            pte_store(t.entries + i, pfn_pte(0x5000 + i, prots[nr % ARRAY_SIZE(prots)]));
        remember(&t);
        for (unsigned i = 0; i < nr; i++)
            expected[first + i] = pte_empty(0);
        clear_ptes(t.mm, t.base + first * PAGE_SIZE, t.entries + first, nr);
        compare(&t, "clear_ptes()", first, nr);
    }
    batch_table_end(t);
}

/* --- changing ---------------------------------------------------------------------------------- */
/* A table of runs of all lengths, so that some are groups; here and there an old entry, poison, nothing. */
static void fill_table(const struct table *t, struct random *r)
{
    pfn_t pfn = 0x70000;

    for (unsigned i = 0; i < PT_ENTRIES(0); i++)
        pte_store(t->entries + i, pte_empty(0));
    for (unsigned at = 0, nr; at < PT_ENTRIES(0); at += nr) {
        u64 dice = random_next(r) >> 32;
        nr = 1 + dice % 40;
        nr = at + nr > PT_ENTRIES(0) ? (unsigned)PT_ENTRIES(0) - at : nr;
        if (dice % 3) /* at the same offset in a group as its frame, as mm prefers it */
            pfn = (pfn & ~63UL) + 64 + at % 64;
        if (dice % 16 == 1)
            pte_store(t->entries + at, pte_poison());
        else if (dice % 16 > 2)
            set_ptes(t->mm, t->base + at * PAGE_SIZE, t->entries + at, pfn_pte(pfn, prots[dice / 16 % ARRAY_SIZE(prots)]), nr);
        pfn += nr;
    }
}

/* The result that a change of an entry must have. */
enum change { PROTECT, WRPROTECT, AGE };

static void check_change(enum change what, unsigned i, pte_t before, pte_t after, unsigned prot)
{
    bool young = pte_young(before) && what != AGE;
    bool accessible = what == PROTECT ? prot & PGPROT_READ : pte_accessible(before);
    bool write = pte_write(before) && (what == PROTECT ? prot & PGPROT_WRITE : what == AGE);
    bool exec = what == PROTECT ? prot & PGPROT_EXEC : pte_exec(before);

    CHECK(pte_present(after) == pte_present(before) && pte_poisoned(after) == pte_poisoned(before),
          "a change brings no page and takes none", "entry %u: 0x%lx, then 0x%lx", i, (unsigned long)before.v, (unsigned long)after.v);
    if (!pte_present(before))
        return;
    CHECK(pte_pfn(after) == pte_pfn(before) && pte_user(after) == pte_user(before) && pte_young(after) == young &&
              pte_dirty(after) == pte_dirty(before) && pte_accessible(after) == accessible && pte_write(after) == write &&
              pte_exec(after) == exec,
          "protect_ptes gives at most `prot` and never write permission, wrprotect_ptes takes it away, age_ptes takes accessed; "
          "everything else stays",
          "change %d, prot 0x%x, entry %u: 0x%lx, then 0x%lx", what, prot, i, (unsigned long)before.v, (unsigned long)after.v);
}

/* Whether two entries mean the same. Their bits may differ where a format has two ways to store "dirty". */
static bool same_meaning(pte_t a, pte_t b)
{
    return pte_same(pte_mkdirty(a), pte_mkdirty(b)) && pte_dirty(a) == pte_dirty(b);
}

void batch_change(void)
{
    struct table t = batch_table();
    struct random r = {42};
    const unsigned news[] = {PGPROT_USER | PGPROT_READ, PGPROT_USER, PGPROT_USER | PGPROT_READ | PGPROT_EXEC,
                             PGPROT_USER | PGPROT_READ | PGPROT_WRITE | PGPROT_DIRTY};

    for (unsigned round = 0; round < 600; round++) {
        fill_table(&t, &r);
        unsigned first = (unsigned)((random_next(&r) >> 32) % PT_ENTRIES(0)), young = 0, told = 0;
        unsigned nr = 1 + (unsigned)((random_next(&r) >> 32) % (PT_ENTRIES(0) - first));
        unsigned prot = news[round / 3 % ARRAY_SIZE(news)];
        enum change what = round % 3;
        remember(&t);
        for (unsigned i = first; i < first + nr; i++)
            young += pte_present(expected[i]) && pte_young(expected[i]);
        if (what == PROTECT)
            protect_ptes(t.mm, t.base + first * PAGE_SIZE, t.entries + first, nr, prot);
        else if (what == WRPROTECT)
            wrprotect_ptes(t.mm, t.base + first * PAGE_SIZE, t.entries + first, nr);
        else
            told = age_ptes(t.mm, t.base + first * PAGE_SIZE, t.entries + first, nr);
        if (what == AGE)
            CHECK_EQ(told, young, "age_ptes()", "it returns how many entries had been accessed");
        for (unsigned i = 0; i < PT_ENTRIES(0); i++) {
            pte_t after = pte_load(t.entries + i);
            if (i - first < nr)
                check_change(what, i, expected[i], after, prot);
            else
                CHECK(same_meaning(after, expected[i]), "entries beside the batch stay, also where a group is undone",
                      "entries %u + %u changed; entry %u: 0x%lx, then 0x%lx", first, nr, i, (unsigned long)expected[i].v,
                      (unsigned long)after.v);
        }
    }
    batch_table_end(t);
}

/* --- comparing --------------------------------------------------------------------------------- */
/* How many entries from `at` on show the next page of the same run, with the same rights. */
static unsigned definition(const struct table *t, unsigned at, unsigned max, pfn_t end_pfn)
{
    pte_t first = pte_load(t->entries + at);
    unsigned nr = 1;

    while (nr < max && pte_pfn(first) + nr < end_pfn) {
        pte_t e = pte_load(t->entries + at + nr);
        if (!pte_present(e) || pte_pfn(e) != pte_pfn(first) + nr || pte_accessible(e) != pte_accessible(first) ||
            pte_write(e) != pte_write(first) || pte_exec(e) != pte_exec(first) || pte_user(e) != pte_user(first))
            break;
        nr++;
    }
    return nr;
}

/* Tables of runs that end for every possible reason: another frame, other rights, an empty entry, poison. Some go on
 * although accessed and dirty differ. */
void batch_measure(void)
{
    struct table t = batch_table();
    struct random r = {4711};

    for (unsigned round = 0; round < 400; round++) {
        pte_t e = pfn_pte(0x70000, prots[0]);
        for (unsigned i = 0; i < PT_ENTRIES(0); i++) {
            u64 dice = random_next(&r) >> 32;
            e = dice % 16 == 0 ? pfn_pte(0x70000 + dice % 999, prots[dice / 16 % ARRAY_SIZE(prots)]) : pte_advance_pfn(e, 1);
            pte_t store = dice % 16 == 1 ? pte_empty(0) : dice % 32 == 2 ? pte_poison() : e;
            if (dice % 16 == 3)
                store = pte_mkold(store);
            if (dice % 16 == 4)
                store = pte_mkyoung(pte_mkdirty(store));
            if (dice % 64 == 5)
                store = pte_write(store) ? pte_wrprotect(store) : pte_mkwrite(store);
            pte_store(t.entries + i, store);
        }
        for (unsigned at = 0; at < PT_ENTRIES(0); at++) {
            pte_t first = pte_load(t.entries + at);
            if (!pte_present(first))
                continue;
            unsigned max = 1 + (unsigned)(random_next(&r) >> 40) % (unsigned)(PT_ENTRIES(0) - at);
            pfn_t end = pte_pfn(first) + 1 + (random_next(&r) >> 40) % 64;
            CHECK_EQ(folio_pte_batch(t.entries + at, first, max, end), definition(&t, at, max, end), "folio_pte_batch()",
                     "consecutive frames, same rights, accessed and dirty ignored, clamped to max and the folio's end");
        }
    }
    batch_table_end(t);
}
