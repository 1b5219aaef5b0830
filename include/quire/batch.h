/* SPDX-License-Identifier: MIT */
/*
 * The inner loops of the range interface, for mm/ alone. They are inline, because fork and unmapping run them for
 * every page. The caller holds the tables' locks, counts and reports events.
 */
#pragma once

#include <quire/folio.h>
#include <quire/percpu.h>
#include <quire/space.h>
#include <quire/tlb.h>

/* Without this the compiler computes each value from the first one, instead of adding to the one before. */
#define pte_opaque(pte) __asm__("" : "+r"((pte).v))
#if ARCH_FLUSH_ON_CLEAR
#define pte_opaque_address(addr) __asm__("" : "+r"(addr))
#else
#define pte_opaque_address(addr) ((void)(addr))
#endif

/* Stores nr entries for frames that are `step` apart: one addition and one store for each, or fewer. */
static __always_inline void store_run(pte_t *ptep, pte_t pte, unsigned nr, u64 step)
{
    pte_t a = pte, b = pte_advance_pfn(pte, step), *end = ptep + (nr & ~15u);

    for (; ptep != end; ptep += 16) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < 16; i += 2) {
            pte_store_pair(ptep + i, a, b);
            if (!__builtin_constant_p(step) || step) {
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

/*
 * Stores what set_ptes() stores, in groups where they fit, but without checks, counters and events. It is for a table
 * that the hardware doesn't see yet.
 */
void store_ptes(vaddr_t addr, pte_t *ptep, pte_t pte, unsigned nr);

/* Stores a whole group. Before, its entries were all not present, or a group. */
static inline void store_group(pte_t *ptep, pte_t first)
{
    store_run(ptep, pte_mkcont(first), PT_CONT, PT_CONT_STEP);
}

/* pte_break() for nr entries, of which p, for addr, is the first. */
static __always_inline void break_run(pte_t *p, vaddr_t addr, unsigned nr)
{
    for (unsigned i = 0; ARCH_FLUSH_ON_CLEAR && i < nr; i++)
        pte_break(p, addr + i * PAGE_SIZE);
}

/* The address that entry p translates. `near`: any address of the same table. Tables are aligned to their size. */
static inline vaddr_t entry_address(vaddr_t near, const pte_t *p)
{
    return ALIGN_DOWN(near, pt_span(1)) + ((vaddr_t)p & (PT_TABLE_BYTES(0) - 1)) / sizeof(*p) * PAGE_SIZE;
}

/*
 * Whether a group begins at p whose first entry is `pte` and that lies before end. Any other group at p is undone
 * first, and the answer is false.
 */
static inline bool whole_group(struct mm *mm, vaddr_t near, pte_t *p, const pte_t *end, pte_t pte)
{
    if (!pte_cont(pte_load_raw(p)))
        return false;
    if (pt_group_starts(p) && end - p >= (long)PT_CONT && pte_same(pte_load(p), pte))
        return true;
    pt_unfold(mm, entry_address(near, p), p);
    return false;
}

/* A plain read is enough: the hardware sets "dirty" or "accessed" only in entries that aren't settled. */
static inline bool pte_is(const pte_t *p, pte_t pte) { return p->v == pte.v; }

/* --- plain stores instead of pte_break() ------------------------------------------------------- */
/*
 * With ARCH_FLUSH_ON_CLEAR, an entry of a table that another CPU has loaded is invalidated by an instruction, which
 * every CPU waits for. While no other CPU has the table loaded, plain stores do, and one flush follows when the gather
 * ends. Whoever stores says so first (`storing`), and then looks who has the table loaded. Whoever loads it says so
 * first (`loaded`), and then waits until nobody stores. So either the first one sees the second, or the second waits;
 * not for long, because interrupts are off between plain_begin() and plain_end(), and nothing is waited for there.
 *
 * Source: z/Architecture Principles of Operation, chapter 3, "Modification of Translation Tables": the rules for an
 * entry that is attached to a CPU. Linux defers the flush in the same case (arch/s390/mm/pgtable.c, flush_mm).
 */

/* Ends what plain_begin() began. `plain`: what it said; if false, nothing is done. */
static inline void plain_end(struct tlb_gather *g, bool plain)
{
#if ARCH_FLUSH_ON_CLEAR
    if (!plain)
        return;
    for (unsigned cpu = 0; QUIRE_DEBUG && cpu < nr_cpus && g->late; cpu++)
        DEBUG_ASSERT(cpu == this_cpu()->cpu || READ_ONCE(cpu_area(cpu)->active_mm) != g->mm,
                     "CPU %u runs in an address space whose entries CPU %u changes by plain stores", cpu,
                     this_cpu()->cpu);
    __atomic_fetch_sub(&g->mm->root.storing, 1, __ATOMIC_RELEASE);
    irq_restore(g->irq);
#else
    (void)g, (void)plain;
#endif
}

/* Whether entries of g's address space may be changed by plain stores until plain_end(). */
static inline bool plain_begin(struct tlb_gather *g)
{
#if ARCH_FLUSH_ON_CLEAR
    g->irq = irq_save();
    __atomic_fetch_add(&g->mm->root.storing, 1, __ATOMIC_SEQ_CST);
    if (unlikely(__atomic_load_n(&g->mm->root.loaded, __ATOMIC_SEQ_CST) & ~(1u << this_cpu()->cpu))) {
        __atomic_fetch_sub(&g->mm->root.storing, 1, __ATOMIC_RELEASE);
        irq_restore(g->irq);
        return false;
    }
    g->late = true;
#else
    (void)g;
#endif
    return true;
}

/* For a CPU that is about to load this table. */
static inline void plain_wait(const struct percpu *cpu, struct pt_root *root)
{
#if ARCH_FLUSH_ON_CLEAR
    __atomic_fetch_or(&root->loaded, cpu->bit, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&root->storing, __ATOMIC_SEQ_CST))
        cpu_relax();
#else
    (void)cpu, (void)root;
#endif
}

/* --- going over a range of addresses ----------------------------------------------------------- */
enum run_kind {
    RUN_NOTHING, /* there is no table of pages; ptep is the empty entry above it */
    RUN_BLOCK,   /* ptep is the block's entry; it may become a table as long as its lock isn't held */
    RUN_ENTRIES, /* nr entries of one table of pages, from ptep on */
};

/*
 * What the tables have for [addr, next). One look gives all of it. With two looks, a block could become a table in
 * between, and both would be missed.
 */
struct run {
    enum run_kind kind;
    vaddr_t addr, next;
    pte_t *ptep;
    unsigned level, nr;
};

/* Finds the run that begins at run->next. False: the range ends there. mm->areas_lock held: tables stay. */
static inline bool next_run(struct run *run, const struct pt_root *root, vaddr_t end)
{
    pte_t above;

    if (run->next >= end)
        return false;
    run->addr = run->next;
    run->ptep = pt_walk_inline(root, run->addr, &run->level, &above);
    vaddr_t span = pt_span(run->level ? run->level : 1);
    run->next = MIN(end, ALIGN_DOWN(run->addr, span) + span);
    run->nr = (unsigned)((run->next - run->addr) >> PAGE_SHIFT);
    run->kind = !run->level ? RUN_ENTRIES : run->level == 1 && pde_leaf(above, 1) ? RUN_BLOCK : RUN_NOTHING;
    return true;
}

#define for_each_run(run, root, start, end) for (struct run run = {.next = (start)}; next_run(&run, root, end);)

/* The run has changed: next_run() will find it again. */
static inline void run_again(struct run *run) { run->next = run->addr; }

/* --- going over the entries of a run ----------------------------------------------------------- */
#define GROUP_ORDER __builtin_ctzl(PT_CONT) /* of a folio that is as large as a group */

enum entry_kind {
    ENTRY_EMPTY, /* maps nothing, and is no mark */
    ENTRY_FRAME, /* settled, of a folio of one frame; in no group */
    ENTRY_GROUP, /* the first of a group, which is settled, ends before `end`, and maps all of its folio */
    ENTRY_FOLIO, /* settled, of a larger folio, which may have `nr` entries from here on */
    ENTRY_ODD,   /* any other single entry: poison, a hole's mark, not settled, or of a frame of no folio (any more) */
};

struct entries {
    enum entry_kind kind;
    pte_t first;         /* what pte_load() returned */
    struct folio *folio; /* ENTRY_FRAME, ENTRY_GROUP, ENTRY_FOLIO */
    unsigned nr;
};

/*
 * What the entry at p is: one look at the entry, and one at the word of its frame. Entries map only frames of RAM, so
 * there is a word. All entries of a group belong to one folio, so a folio as large as a group is mapped from its start.
 */
static __always_inline struct entries next_entries(const memdesc_t *words, pte_t *p, pte_t *end)
{
    pte_t raw = pte_load_raw(p);
    struct entries run = {.kind = ENTRY_EMPTY, .first = pte_loaded(raw, p), .nr = 1};

    if (pte_same(run.first, pte_empty(0)))
        return run;
    run.kind = ENTRY_ODD;
    if (unlikely(!pte_settled(run.first)))
        return run;
    memdesc_t word = READ_ONCE(words[pte_pfn(run.first)]);
    if (unlikely(memdesc_type(word) != MEMDESC_FOLIO))
        return run;
    struct folio *f = run.folio = memdesc_pointer(word);
    run.kind = ENTRY_FRAME;
    if (likely(pte_cont(raw) && f->order == GROUP_ORDER && pt_group_starts(p) && end - p >= (long)PT_CONT)) {
        run.kind = ENTRY_GROUP;
        run.nr = PT_CONT;
    } else if (f->order) {
        run.kind = ENTRY_FOLIO;
        run.nr = (unsigned)MIN(f->pfn + folio_nr_pages(f) - pte_pfn(run.first), (u64)(end - p));
    }
    return run;
}

/* Whether the entry, as it is stored, is an ENTRY_FRAME. Entries of a group are not: their folio has more frames. */
static __always_inline bool entry_is_frame(const memdesc_t *words, pte_t raw, struct folio **f)
{
    if (unlikely(!pte_settled(raw)))
        return false;
    memdesc_t word = READ_ONCE(words[pte_pfn(raw)]);
    *f = memdesc_pointer(word);
    return memdesc_type(word) == MEMDESC_FOLIO && !(*f)->order;
}

/* --- entries that are alike -------------------------------------------------------------------- */
/* If *p is *pte bit by bit, *p and *into become *copy, and *pte and *copy go on by one frame. False: *p is another. */
static __always_inline bool copy_one(pte_t *table, vaddr_t addr, pte_t *p, pte_t *into, pte_t *pte, pte_t *copy)
{
    if (unlikely(!pte_is(p, *pte)))
        return false;
    pte_break(table, addr);
    pte_store(p, *copy);
    pte_store(into, *copy);
    *pte = pte_advance_pfn(*pte, 1);
    *copy = pte_advance_pfn(*copy, 1);
    pte_opaque(*pte);
    pte_opaque(*copy);
    return true;
}

/*
 * Goes through nr entries from p on, as long as they are `pte` and its successors, bit by bit, and settled. They become
 * `copy` and its successors (the same frames with less permission), and so do the other address space's entries at
 * `into`. Returns how many entries that were. `near`: any address that the table of p translates.
 */
static __always_inline unsigned copy_alike(struct mm *mm, vaddr_t near, pte_t *p, pte_t *into, unsigned nr, pte_t pte,
                                           pte_t copy)
{
    pte_t *table = p;
    unsigned left = nr;

    for (; left && whole_group(mm, near, p, p + left, pte); left -= PT_CONT) {
        break_run(p, entry_address(near, p), PT_CONT);
        store_group(p, copy);
        store_group(into, copy);
        pte = pte_advance_pfn(pte, PT_CONT);
        copy = pte_advance_pfn(copy, PT_CONT);
        p += PT_CONT;
        into += PT_CONT;
    }
    vaddr_t addr = entry_address(near, p); /* only some machines need it */
    pte_opaque_address(addr);
    for (; left >= 16; left -= 16, p += 16, into += 16, addr += 16 * PAGE_SIZE) {
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; i++)
            if (!copy_one(table, addr + i * PAGE_SIZE, p + i, into + i, &pte, &copy))
                return nr - left + i;
    }
    for (; left && copy_one(table, addr, p, into, &pte, &copy); left--, p++, into++)
        addr += PAGE_SIZE;
    return nr - left;
}

/* If *p is *pte bit by bit, it becomes empty, and *pte goes on by one frame. False: *p is another. */
static __always_inline bool clear_one(pte_t *table, vaddr_t addr, pte_t *p, pte_t *pte)
{
    if (unlikely(!pte_is(p, *pte)))
        return false;
    pte_break(table, addr);
    pte_store(p, pte_empty(0));
    *pte = pte_advance_pfn(*pte, 1);
    pte_opaque(*pte);
    return true;
}

/*
 * Empties entries from p on, at most nr, as long as they are `pte` and its successors, bit by bit. Returns how many
 * entries that were.
 */
static __always_inline unsigned clear_alike(struct mm *mm, vaddr_t near, pte_t *p, unsigned nr, pte_t pte)
{
    pte_t *table = p;
    unsigned left = nr;

    for (; left && whole_group(mm, near, p, p + left, pte); left -= PT_CONT, p += PT_CONT) {
        break_run(p, entry_address(near, p), PT_CONT);
        store_run(p, pte_empty(0), PT_CONT, 0);
        pte = pte_advance_pfn(pte, PT_CONT);
    }
    vaddr_t addr = entry_address(near, p);
    pte_opaque_address(addr);
    for (; left >= 16; left -= 16, p += 16, addr += 16 * PAGE_SIZE) {
#pragma GCC unroll 16
        for (unsigned i = 0; i < 16; i++)
            if (!clear_one(table, addr + i * PAGE_SIZE, p + i, &pte))
                return nr - left + i;
    }
    for (; left && clear_one(table, addr, p, &pte); left--, p++)
        addr += PAGE_SIZE;
    return nr - left;
}
