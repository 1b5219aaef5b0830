/* SPDX-License-Identifier: MIT */
/*
 * The range interface: how page entries are changed. Tables, their locks and the walk are in <quire/table.h>.
 *
 * There are four functions. Whoever maps calls the first three in this order:
 *
 *   flush_icache_pages(vma, pfn, nr)                 the frames are about to be mapped executable
 *   set_ptes(mm, addr, ptep, pte, nr)                install nr entries
 *   update_mmu_cache_range(vma, addr, ptep, nr)      whatever this machine needs to see them
 *   flush_dcache_folio(folio)                        the kernel wrote the folio (any time before)
 *
 * set_ptes() takes consecutive frames of one folio (or hole), and entries of one page table and one area. With nr > 1,
 * all entries must be not present (or hidden) before, and become present; with nr == 1 it may replace an entry. The
 * caller holds the table's lock (pt_lock). The frame number advances by pte_advance_pfn(), never by an addition to the
 * raw entry. Debug builds check all of this.
 *
 * An entry in the middle of a change is *hidden*. The hardware finds nothing there, so every CPU can be made to forget
 * the old entry. Software still finds the frame or the table; "nothing" would be wrong. A hidden page entry looks like
 * one that allows nothing (PROT_NONE). A hidden table can be walked, and its entries can be changed under its lock.
 * Whoever needs to know more takes the lock of the table that the entry lies in: then no entry in it is hidden.
 *
 * Source: M. Wilcox, "New page table range API", v4-v6, linux-mm 2023; here the names take a pfn_t where
 * Linux takes a struct page.
 */
#pragma once

#include <quire/code_events.h>
#include <quire/counters.h>
#include <quire/mm_event.h>
#include <quire/table.h>
#include <arch/tlb.h>

struct vma;

#ifndef ARCH_HAS_STORE_PAIR
static inline void pte_store_pair(pte_t *p, pte_t a, pte_t b)
{
    pte_store(p, a);
    pte_store(p + 1, b);
}
#endif
/* Replaces the entry; returns what it held, with all bits that the hardware had set by then. */
static inline pte_t pte_exchange(pte_t *p, pte_t e)
{
    return (pte_t){__atomic_exchange_n(&p->v, e.v, __ATOMIC_RELAXED)};
}
/* Stores e if the entry still is *old, bit by bit; else *old becomes the entry's value. */
static inline bool pte_cmpxchg(pte_t *p, pte_t *old, pte_t e)
{
    return __atomic_compare_exchange_n(&p->v, &old->v, e.v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/*
 * To be called before a present entry is overwritten: some machines need an instruction that invalidates the entry.
 * `in`: any entry of the same table; the best is the one that a loop began with.
 */
static inline void pte_break(pte_t *in, vaddr_t addr)
{
#if ARCH_FLUSH_ON_CLEAR
    arch_pte_invalidate(in, addr);
#else
    (void)in, (void)addr;
#endif
}

/*
 * Groups: PT_CONT entries of user space, naturally aligned in addresses and frames, and alike. Some machines may make
 * one TLB entry of them. A group is changed whole, or becomes single entries first. See mm/tables/contig.c.
 */
/* How many frames one TLB entry may translate that the machine makes from this leaf entry: 1, a group, or a block. */
static inline u64 pte_reach(pte_t raw, unsigned level)
{
    return (1UL << (PT_SHIFT(level) - PAGE_SHIFT)) * (level == 0 && arch_group_in_tlb() && pte_cont(raw) ? PT_CONT : 1);
}
static inline bool pt_group_starts(const pte_t *p) { return ((vaddr_t)p / sizeof(*p) & (PT_CONT - 1)) == 0; }
void pt_unfold(struct mm *mm, vaddr_t addr, pte_t *ptep); /* undoes the group that ptep, the entry for addr, is in */
/*
 * If the entries around ptep can be a group, makes them one. False: they can't, or only software would know the group:
 * then it costs more than it saves. Flushes.
 */
bool pt_fold(struct mm *mm, vaddr_t addr, pte_t *ptep);
void pt_isolate_slow(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr);
/* Undoes each group that lies across an end of these entries. Lock held. */
static inline void pt_isolate(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    if (unlikely(pte_cont((pte_t){pte_load_raw(ptep).v | pte_load_raw(ptep + nr - 1).v})))
        pt_isolate_slow(mm, addr, ptep, nr);
}

/* Reports that nr entries, `pte` and its successors, are about to be set. */
static inline void event_entries_set(struct mm *mm, vaddr_t addr, pte_t pte, u64 nr)
{
    mm_event(MM_EVENT_ENTRY_SET, addr, pte_pfn(pte), nr);
    if (pte_exec(pte) && pte_user(pte))
        code_mapped(mm, pte_pfn(pte), nr);
    (void)addr;
}

void set_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, pte_t pte, unsigned nr);
void update_mmu_cache_range(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr);
/* Checks the rules for a call of set_ptes(): a debug kernel panics and says what is wrong. */
#if QUIRE_DEBUG
void check_set_ptes(struct mm *mm, vaddr_t addr, const pte_t *ptep, pte_t pte, unsigned nr);
#else
static inline void check_set_ptes(struct mm *mm, vaddr_t addr, const pte_t *ptep, pte_t pte, unsigned nr)
{
    (void)mm, (void)addr, (void)ptep, (void)pte, (void)nr;
}
#endif
/* In debug kernels: panics unless nr new entries from ptep on show the pages that the area has from addr on. */
#if QUIRE_CHECKS
void check_pages_shown(const struct vma *vma, vaddr_t addr, const pte_t *ptep, unsigned nr);
#else
static inline void check_pages_shown(const struct vma *vma, vaddr_t addr, const pte_t *ptep, unsigned nr)
{
    (void)vma, (void)addr, (void)ptep, (void)nr;
}
#endif
/* set_ptes() for one entry that is in no group: it is empty, or its folio has one frame. */
static inline void set_lone_pte(struct mm *mm, vaddr_t addr, pte_t *ptep, pte_t pte)
{
    check_set_ptes(mm, addr, ptep, pte, 1);
    counter_inc(COUNTER_SET_PTES_CALLS);
    counter_inc(COUNTER_SET_PTES_ENTRIES);
    event_entries_set(mm, addr, pte, 1);
    pte_store(ptep, pte);
}
/* set_ptes() for any single entry. */
static inline void set_pte_at(struct mm *mm, vaddr_t addr, pte_t *ptep, pte_t pte)
{
    pt_isolate(mm, addr, ptep, 1);
    set_lone_pte(mm, addr, ptep, pte);
}
static inline void update_mmu_cache(struct vma *vma, vaddr_t addr, pte_t *ptep)
{
    update_mmu_cache_range(vma, addr, ptep, 1);
}

/*
 * How many of the `max` entries from ptep on map consecutive frames of [pfn of pte, end_pfn) with the same protection
 * as `pte` ("accessed" and "dirty" are ignored). At least 1.
 */
unsigned folio_pte_batch(const pte_t *ptep, pte_t pte, unsigned max, pfn_t end_pfn);

/*
 * The counterparts of set_ptes(): nr entries of one table and one area from ptep on; the table's lock is held. Where a
 * flush can be put off (no ARCH_FLUSH_ON_CLEAR), none of them flushes: the caller does, before it drops references.
 *
 * The entries may be present or not. protect_ptes() allows at most `prot`, and never gives write permission where there
 * was none. wrprotect_ptes() takes write permission away. age_ptes() takes "accessed" away and returns how many entries
 * had it. clear_ptes() makes all entries empty. hide_ptes() hides those that are present, until set_ptes() or
 * pte_store() ends the change.
 */
void protect_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr, pgprot_t prot);
void wrprotect_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr);
unsigned age_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr);
void clear_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr);
void hide_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr);
