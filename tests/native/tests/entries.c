/* SPDX-License-Identifier: MIT */
/*
 * A page-table format by itself: every combination of rights and state can be stored and read back, a change affects
 * only what it names, and frame numbers up to the highest never reach other bits. Built with the format of the native
 * machine and with that of every real machine.
 */
#include "all.h"
#include "../play/check.h"
#include "../machine/machine.h"
#include <arch-generic/paging.h>
#include <string.h>

#define PGPROT_ALL 128u /* combinations of the seven bits */

/* Everything that the helpers return about an entry. */
struct fields {
    bool present, accessible, write, exec, user, young, dirty, poisoned;
    pfn_t pfn;
};

static struct fields fields_of(pte_t e)
{
    struct fields f;

    memset(&f, 0, sizeof(f));
    f.present = pte_present(e), f.accessible = pte_accessible(e), f.write = pte_write(e), f.exec = pte_exec(e);
    f.user = pte_user(e), f.young = pte_young(e), f.dirty = pte_dirty(e), f.poisoned = pte_poisoned(e);
    f.pfn = pte_pfn(e);
    return f;
}

static void check_fields(pte_t e, struct fields expected, const char *after, unsigned prot)
{
    struct fields seen = fields_of(e);

#define CHECK_FIELD(name)                                                                          \
    CHECK(seen.name == expected.name, "each helper reads and writes its own bits of the entry",    \
          "after %s, prot 0x%x: entry 0x%lx: " #name " is %lx, expected %lx", after, prot, (unsigned long)e.v, \
          (unsigned long)seen.name, (unsigned long)expected.name)
    CHECK_FIELD(present);
    CHECK_FIELD(accessible);
    CHECK_FIELD(write);
    CHECK_FIELD(exec);
    CHECK_FIELD(user);
    CHECK_FIELD(young);
    CHECK_FIELD(dirty);
    CHECK_FIELD(poisoned);
    CHECK_FIELD(pfn);
}

/* The values that an entry made with this protection must have. */
static struct fields fields_of_prot(pfn_t pfn, unsigned prot)
{
    struct fields f;

    memset(&f, 0, sizeof(f));
    f.present = true, f.accessible = prot & PGPROT_READ, f.write = prot & PGPROT_WRITE, f.exec = prot & PGPROT_EXEC;
    f.user = prot & PGPROT_USER, f.young = !(prot & PGPROT_OLD), f.dirty = prot & PGPROT_DIRTY, f.pfn = pfn;
    return f;
}

/* If nothing tracks the first store, writable entries are dirty from the start (<quire/pgprot.h>). */
static bool dirty_from_the_start(void) { return pte_dirty(pfn_pte(1, PGPROT_READ | PGPROT_WRITE)); }

/*
 * How many bits of frame number the format has room for: count bits as long as one more can be read back and changes no
 * other field. There must be enough for the direct map and for the buddy's 27.
 */
static unsigned pfn_bits(void)
{
    unsigned bits = 0;

    for (; bits < 52; bits++) {
        pte_t e = pfn_pte(1UL << bits, PGPROT_READ);
        if (pte_pfn(e) != 1UL << bits)
            break;
    }
    CHECK(bits >= 27 && 1UL << bits >= DIRECT_MAP_SIZE >> PAGE_SHIFT, "an entry can hold the number of every frame that there may be",
          "it has room for %u bits", bits);
    return bits;
}

void entry_fields(void)
{
    for (unsigned prot = 0; prot < PGPROT_ALL; prot++) {
        for (unsigned bit = 0; bit <= pfn_bits(); bit++) {
            pfn_t pfn = bit == pfn_bits() ? (1UL << bit) - 1 : 1UL << bit;
            struct fields expected = fields_of_prot(pfn, prot);
            expected.dirty |= expected.write && dirty_from_the_start();
            check_fields(pfn_pte(pfn, prot), expected, "pfn_pte()", prot);
        }
    }
    for (unsigned level = 1; level < PT_LEVELS; level++) {
        CHECK(!pde_present(pte_empty(level), level), "an empty entry is nothing", "level %u: it is a table or block", level);
        pte_t table[8] __aligned(64);
        for (unsigned i = 0; i < 8; i++)
            table[i] = pte_empty(level);
        CHECK(pte_same(pte_load(table), pte_empty(level)), "what is stored is loaded", "level %u", level);
    }
    CHECK(!pte_present(pte_empty(0)) && pte_none(pte_empty(0)) && !pte_poisoned(pte_empty(0)), "an empty entry is free for a page",
          "pte_none() or another says it isn't");
    CHECK(!pte_present(pte_poison()) && !pte_none(pte_poison()) && pte_poisoned(pte_poison()),
          "the mark of a broken frame is no page, and not free for one", "pte_none() or another says otherwise");
}

void entry_changes(void)
{
    for (unsigned prot = 0; prot < PGPROT_ALL; prot++) {
        pte_t e = pfn_pte(0x12345, prot);
        struct fields same = fields_of(e), f = same;

        f.young = false;
        check_fields(pte_mkold(e), f, "pte_mkold()", prot);
        f = same, f.young = true;
        check_fields(pte_mkyoung(e), f, "pte_mkyoung()", prot);
        check_fields(pte_mkyoung(pte_mkold(e)), f, "pte_mkold() and pte_mkyoung()", prot);
        f = same, f.dirty = true;
        check_fields(pte_mkdirty(e), f, "pte_mkdirty()", prot);
        f = same, f.dirty = f.write && pte_dirty(pte_mkclean(e)) && dirty_from_the_start();
        check_fields(pte_mkclean(e), f, "pte_mkclean()", prot);
        f = same, f.write = false;
        check_fields(pte_wrprotect(e), f, "pte_wrprotect()", prot);
        f = same, f.write = true, f.dirty |= dirty_from_the_start();
        check_fields(pte_mkwrite(e), f, "pte_mkwrite()", prot);
        f = same, f.write = false, f.dirty |= dirty_from_the_start();
        check_fields(pte_wrprotect(pte_mkwrite(e)), f, "pte_mkwrite() and pte_wrprotect()", prot);
        CHECK(pte_same(e, pfn_pte(0x12345, prot)), "the same words make the same entry", "prot 0x%x", prot);
    }
}

void entry_numbers(void)
{
    pfn_t top = (1UL << pfn_bits()) - 1;
    const pfn_t starts[] = {0, 1, 15, 511, 0xffff, 0x7ffffff - 600, top - 600};

    for (unsigned prot = 0; prot < PGPROT_ALL; prot++) {
        for (unsigned i = 0; i < ARRAY_SIZE(starts); i++) {
            pte_t step = pfn_pte(starts[i], prot);
            for (unsigned nr = 0; nr <= 600; nr++, step = pte_advance_pfn(step, 1)) {
                if (nr % 75 && nr != 1 && nr != 512)
                    continue;
                CHECK(pte_same(step, pfn_pte(starts[i] + nr, prot)) &&
                          pte_same(step, pte_advance_pfn(pfn_pte(starts[i], prot), nr)),
                      "stepping the frame number changes nothing else, also at the highest physical address",
                      "prot 0x%x, frame 0x%lx + %u: 0x%lx", prot, starts[i], nr, (unsigned long)step.v);
            }
        }
    }
}

static void check_block(unsigned level, unsigned prot)
{
    pfn_t pfn = pt_span(level) >> PAGE_SHIFT << 2;
    pte_t block = pfn_block(pfn, prot, level);

    CHECK(pde_present(block, level) && pde_leaf(block, level), "a block is a present leaf", "level %u, prot 0x%x", level, prot);
    for (u64 i = 0; i < pt_span(level) >> PAGE_SHIFT; i += i < 4 ? 1 : 127) {
        pte_t page = pte_of_block(block, level, i);
        struct fields expected = fields_of(pfn_pte(pfn + i, prot));
        check_fields(page, expected, "pte_of_block()", prot);
    }
    pte_t next = pte_advance_pfn(block, pt_span(level) >> PAGE_SHIFT);
    CHECK(pte_same(next, pfn_block(pfn * 5 / 4, prot, level)), "blocks step by their size", "level %u, prot 0x%x", level, prot);
}

void entry_tables_and_blocks(void)
{
    for (unsigned level = 1; level < PT_LEVELS; level++) {
        for (unsigned bit = 0; bit < pfn_bits(); bit++) {
            for (u64 part = 0; part < PAGE_SIZE; part += MIN(PT_TABLE_BYTES(level - 1), PAGE_SIZE)) {
                u64 at = ALIGN_UP((1UL << bit << PAGE_SHIFT) + part, PT_TABLE_BYTES(level - 1));
                pte_t e = pde_make(mk_paddr(at), level);
                CHECK(pde_present(e, level) && !pde_leaf(e, level), "a table is present and no leaf", "level %u: 0x%lx", level,
                      (unsigned long)e.v);
                CHECK_EQ(paddr_value(pde_table(e, level)), at, "address of the table below", "pde_table() undoes pde_make()");
            }
        }
        for (unsigned prot = 0; arch_pt_block_ok(level) && prot < PGPROT_ALL; prot++)
            if (prot & PGPROT_READ)
                check_block(level, prot);
    }
    CHECK_EQ(pt_span(PT_LEVELS - 1) * PT_TOP_USER_ENTRIES >= USER_TOP, 1, "the top table's user entries reach USER_TOP",
             "PT_TOP_USER_ENTRIES covers user space");
}
