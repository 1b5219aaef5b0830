/* SPDX-License-Identifier: MIT */
/*
 * The inner loops of the range interface, for mm/ alone: inline, because fork and unmapping run through them
 * for every page there is. All under the tables' locks; no counters and no events, which are the callers'.
 */
#pragma once

#include <quire/folio.h>
#include <quire/mm.h>

/* The compiler would rather compute each value from the first than add to the last. */
#define pte_opaque(pte) __asm__("" : "+r"((pte).v))
#if ARCH_FLUSH_ON_CLEAR
#define pte_opaque_address(addr) __asm__("" : "+r"(addr))
#else
#define pte_opaque_address(addr) ((void)(addr))
#endif

/* nr entries for frames `step` apart: one add and one store each, or less. */
static __always_inline void store_run(pte_t *ptep, pte_t pte, unsigned nr, u64 step)
{
    pte_t a = pte, b = pte_advance_pfn(pte, step), *end = ptep + (nr & ~15u);

    for (; ptep != end; ptep += 16) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < 16; i += 2) {
            pte_store_pair(ptep + i, a, b);
            if (step) {
                a = pte_advance_pfn(a, 2 * step);
                b = pte_advance_pfn(b, 2 * step);
                pte_opaque(a);
                pte_opaque(b);
            }
        }
    }
    for (nr &= 15; nr; nr--, ptep++, a = pte_advance_pfn(a, step))
        pte_store(ptep, a);
}

/* What set_ptes() stores, in groups where they fit, without a word: into a table that the hardware doesn't see yet. */
void store_ptes(vaddr_t addr, pte_t *ptep, pte_t pte, unsigned nr);

/* A whole group, all not present before or a group already. */
static inline void store_group(pte_t *ptep, pte_t first)
{
#if PT_CONT > 1
    store_run(ptep, pte_mkcont(first), PT_CONT, PT_CONT_STEP);
#else
    (void)ptep, (void)first;
#endif
}

/* The address that p translates, in the table that has an entry for `near` too. Tables are aligned to their size. */
static inline vaddr_t entry_address(vaddr_t near, const pte_t *p)
{
    return ALIGN_DOWN(near, pt_span(1)) + ((vaddr_t)p & (PT_TABLE_BYTES(0) - 1)) / sizeof(*p) * PAGE_SIZE;
}

/* Whether a group begins at p that starts like `pte`, all of it before end. A part of a group is undone: false. */
static inline bool whole_group(struct mm *mm, vaddr_t near, pte_t *p, const pte_t *end, pte_t pte)
{
    if (PT_CONT == 1 || likely(!pte_cont(pte_load_raw(p))))
        return false;
    if (pt_group_starts(p) && end - p >= (long)PT_CONT && pte_same(pte_load(p), pte))
        return true;
#if PT_CONT > 1
    pt_unfold(mm, entry_address(near, p), p);
#else
    (void)mm, (void)near;
#endif
    return false;
}

/*
 * Before a present entry is overwritten: where the machine wants it invalidated by an instruction of its own. `in`: any
 * entry of the same table, best the one that a loop began with.
 */
static inline void pte_break(pte_t *in, vaddr_t addr)
{
#if ARCH_FLUSH_ON_CLEAR
    arch_pte_invalidate(in, addr);
#else
    (void)in, (void)addr;
#endif
}

/* The comparison reads memory as it likes: the entry may become "dirty" or "accessed" only if it isn't settled. */
static inline bool pte_is(const pte_t *p, pte_t pte) { return p->v == pte.v; }

/*
 * Entries from `from` to end that are `pte` and what follows it, bit by bit, and settled: they become `copy` and what
 * follows it (the same frames with less permission), and so do those at `into`, the other address space's. Returns the
 * first that didn't. `near`: an address that the same table translates.
 */
static __always_inline pte_t *copy_alike(struct mm *mm, vaddr_t near, pte_t *from, pte_t *into, pte_t *end, pte_t pte,
                                           pte_t copy)
{
    pte_t *p = from;

    while (PT_CONT > 1 && p < end && whole_group(mm, near, p, end, pte)) {
        store_group(p, copy);
        store_group(into, copy);
        pte = pte_advance_pfn(pte, PT_CONT);
        copy = pte_advance_pfn(copy, PT_CONT);
        p += PT_CONT;
        into += PT_CONT;
    }
    vaddr_t addr = entry_address(near, p); /* only some machines ask for it */
    pte_opaque_address(addr);
#define COPY_ENTRY(k)                                                                              \
    do {                                                                                           \
        if (unlikely(!pte_is(p + (k), pte)))                                                       \
            return p + (k);                                                                        \
        pte_break(from, addr + (k) * PAGE_SIZE);                                                   \
        pte_store(p + (k), copy);                                                                  \
        pte_store(into + (k), copy);                                                               \
        pte = pte_advance_pfn(pte, 1);                                                             \
        copy = pte_advance_pfn(copy, 1);                                                           \
        pte_opaque(pte);                                                                           \
        pte_opaque(copy);                                                                          \
    } while (0)
    for (; end - p >= 16; p += 16, into += 16, addr += 16 * PAGE_SIZE) {
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; i++)
            COPY_ENTRY(i);
    }
    for (; p < end; p++, into++, addr += PAGE_SIZE)
        COPY_ENTRY(0);
#undef COPY_ENTRY
    return p;
}

/* Entries from `from` to end that are `pte` and what follows it, bit by bit, become empty. Returns the first that didn't. */
static __always_inline pte_t *clear_alike(struct mm *mm, vaddr_t near, pte_t *from, pte_t *end, pte_t pte)
{
    pte_t *p = from;

    while (PT_CONT > 1 && p < end && whole_group(mm, near, p, end, pte)) {
        store_run(p, pte_empty(0), PT_CONT, 0);
        pte = pte_advance_pfn(pte, PT_CONT);
        p += PT_CONT;
    }
    vaddr_t addr = entry_address(near, p);
    pte_opaque_address(addr);
#define CLEAR_ENTRY(k)                                                                             \
    do {                                                                                           \
        if (unlikely(!pte_is(p + (k), pte)))                                                       \
            return p + (k);                                                                        \
        pte_break(from, addr + (k) * PAGE_SIZE);                                                   \
        pte_store(p + (k), pte_empty(0));                                                          \
        pte = pte_advance_pfn(pte, 1);                                                             \
        pte_opaque(pte);                                                                           \
    } while (0)
    for (; end - p >= 16; p += 16, addr += 16 * PAGE_SIZE) {
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; i++)
            CLEAR_ENTRY(i);
    }
    for (; p < end; p++, addr += PAGE_SIZE)
        CLEAR_ENTRY(0);
#undef CLEAR_ENTRY
    return p;
}

/*
 * Whether a present entry's frame belongs to a folio: *f; else the slow paths look at it. Entries map nothing but frames
 * of RAM, so there is a word.
 */
static __always_inline bool entry_folio(const memdesc_t *words, pte_t e, struct folio **f)
{
    memdesc_t word = READ_ONCE(words[pte_pfn(e)]);
    *f = memdesc_pointer(word);
    return likely(memdesc_type(word) == MEMDESC_FOLIO);
}

/* Whether the entry, as stored, is settled, isn't part of a group, and maps a folio of one frame: *f. */
static __always_inline bool single_frame(const memdesc_t *words, pte_t raw, struct folio **f)
{
    if (unlikely(!pte_settled(raw) || pte_cont(raw)))
        return false;
    memdesc_t word = READ_ONCE(words[pte_pfn(raw)]);
    *f = memdesc_pointer(word);
    return memdesc_type(word) == MEMDESC_FOLIO && !(*f)->order;
}

/*
 * The level-0 entries for [addr, end) as far as one table holds them: *nr entries. NULL: there is no table; *next is
 * where the next one may begin, and *block is the entry if a block was there: whoever takes its lock looks again.
 * All from one look: between two, a block may have become a table, and neither be seen.
 */
static inline pte_t *next_run(struct mm *mm, vaddr_t addr, vaddr_t end, unsigned *nr, vaddr_t *next, pte_t **block)
{
    unsigned level;
    pte_t above, *entry = pt_walk_above(&mm->root, addr, &level, &above);
    vaddr_t span = pt_span(level ? level : 1);

    *block = level == 1 && pde_leaf(above, 1) ? entry : NULL;
    *next = MIN(end, ALIGN_DOWN(addr, span) + span);
    *nr = (unsigned)((*next - addr) >> PAGE_SHIFT);
    return level ? NULL : entry;
}
