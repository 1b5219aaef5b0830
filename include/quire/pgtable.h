/* SPDX-License-Identifier: MIT */
/*
 * Page tables: descriptors, the walker, and the range interface.
 *
 * The four names of the range interface, what they promise and who calls them in which order:
 *
 *   flush_icache_pages(vma, pfn, nr)                 the frames are about to be mapped executable
 *   set_ptes(mm, addr, ptep, pte, nr)                install nr entries
 *   update_mmu_cache_range(vma, addr, ptep, nr)      whatever this machine needs to see them
 *   flush_dcache_folio(folio)                        the kernel wrote the folio (any time before)
 *
 * set_ptes: consecutive frames of one folio (or hole), one page table, one area; nr > 1 only from all
 * not present (or hidden) to all present; nr == 1 may replace. The caller holds the table's lock (pt_lock). The frame
 * number advances by pte_advance_pfn(), never by adding to the raw entry. Debug builds check all of it.
 *
 * An entry in the middle of a change is *hidden*: the hardware finds nothing there, so that every CPU can be made to
 * forget what it was; software still finds the frame or the table, never "nothing", which would be a lie. A hidden page
 * entry looks as one that allows nothing (PROT_NONE); a hidden table can be walked, and its entries changed under its
 * lock. Whoever needs to know more takes the lock of the table that the entry lies in, and finds it whole again.
 *
 * Source: M. Wilcox, "New page table range API", v4-v6, linux-mm 2023; here the names take a pfn_t where
 * Linux takes a struct page.
 */
#pragma once

#include <quire/code_events.h>
#include <quire/list.h>
#include <quire/counters.h>
#include <quire/log.h>
#include <quire/memdesc.h>
#include <quire/mm_event.h>
#include <quire/pgprot.h>
#include <quire/pt_root.h>
#include <quire/spinlock.h>
#include <quire/direct_map.h>
#include <arch/pgtable.h>
#include <arch/tlb.h>

struct mm;
struct vma;

/* Descriptor of a page-table frame (or of the frames of a large table); typed memory. */
struct ptdesc {
    spinlock_t lock; /* the entries in it */
    u8 level;
    u8 order;        /* frames, log2 */
    u16 fragments;   /* tables smaller than a frame: which parts are in use, one bit each */
    pfn_t pfn;
    struct mm *mm;   /* NULL: the kernel's */
    struct list link; /* of the mm's tables with a free part */
    pte_t *deposits;  /* empty tables, one for each block in this one: quire/block.h */
    void *slab_link;
} __aligned(16);

static inline u64 pt_index(vaddr_t addr, unsigned level)
{
    return addr >> PT_SHIFT(level) & (PT_ENTRIES(level) - 1);
}
static inline u64 pt_span(unsigned level) { return 1UL << PT_SHIFT(level); } /* bytes under one entry */
static inline pte_t *pt_table_of(pte_t e, unsigned level) { return paddr_address(pde_table(e, level)); }

/* Free for a page: nothing is mapped there, and nothing was lost there. */
static inline bool pte_none(pte_t e) { return !pte_present(e) && !pte_poisoned(e); }

/* A page entry in the middle of a change. */
static inline pte_t pte_hide(pte_t e) { return pte_apply(pte_mkyoung(e), pte_change(PGPROT_USER)); }

/*
 * The walk, for all formats and all owners of tables; stateless. From the top down to the entry that
 * decides about addr: a page entry (level 0), a block, or the empty entry where the tree ends. *level is
 * its level; above level 0, *above is what it said: another look may find another answer. Never fails, takes no lock.
 * Inline for page faults; everybody else calls pt_walk().
 */
static __always_inline pte_t *pt_walk_inline(const struct pt_root *root, vaddr_t addr, unsigned *level, pte_t *above)
{
    pte_t *table = paddr_address(root->table);

#pragma GCC unroll 4
    for (unsigned l = PT_LEVELS - 1; l > 0; l--) {
        pte_t *entry = table + pt_index(addr, l);
        pte_t e = pte_load_raw(entry); /* groups are at level 0 only */
        if (unlikely(!pde_present(e, l) || pde_leaf(e, l))) {
            *level = l;
            *above = e;
            return entry;
        }
        table = pt_table_of(e, l);
    }
    *level = 0;
    return table + pt_index(addr, 0);
}
pte_t *pt_walk(const struct pt_root *root, vaddr_t addr, unsigned *level);
pte_t *pt_walk_above(const struct pt_root *root, vaddr_t addr, unsigned *level, pte_t *above);

/* The page entry for addr as far as there is one (also inside a block); not present otherwise. */
pte_t pt_lookup(const struct pt_root *root, vaddr_t addr);

/*
 * The entry for addr at `level`, making the tables on the way. NULL: no memory, or a block is in the way
 * (tables made so far stay; they are found again). No page-table lock held.
 */
pte_t *pt_ensure(struct mm *mm, vaddr_t addr, unsigned level);

/* A new, empty table of this level for mm (NULL: the kernel); NULL: no memory. Freed at once: nobody may
 * still walk through it (tlb_gather_table() otherwise). */
pte_t *pt_table_alloc(struct mm *mm, unsigned level);
void pt_table_free(pte_t *table);

/* The descriptor of the table that this entry lies in: the frame's word says which. */
static inline struct ptdesc *pt_descriptor(const pte_t *entry)
{
    memdesc_t word = memory.words[address_pfn(entry)];

    DEBUG_ASSERT(memdesc_type(word) == MEMDESC_PTDESC, "%p isn't in a page table: its frame is %s", (const void *)entry,
                 memdesc_type_name(memdesc_type(word)));
    return memdesc_pointer(word);
}
static inline spinlock_t *pt_lock(const pte_t *entry) { return &pt_descriptor(entry)->lock; }

#ifndef ARCH_HAS_STORE_PAIR
static inline void pte_store_pair(pte_t *p, pte_t a, pte_t b)
{
    pte_store(p, a);
    pte_store(p + 1, b);
}
#endif
/* Take out what is there, with everything the hardware has set in it by then. */
static inline pte_t pte_exchange(pte_t *p, pte_t e)
{
    return (pte_t){__atomic_exchange_n(&p->v, e.v, __ATOMIC_RELAXED)};
}
/* Store e if the entry still is *old, bit by bit; else *old becomes what it is. */
static inline bool pte_cmpxchg(pte_t *p, pte_t *old, pte_t e)
{
    return __atomic_compare_exchange_n(&p->v, &old->v, e.v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/*
 * Groups: PT_CONT entries of user space, naturally aligned in addresses and frames, that share one TLB entry. They are
 * changed whole, or become single entries first. mm/tables/contig.c; none of it where the format has none (PT_CONT 1).
 */
#if PT_CONT == 1
static inline bool pte_cont(pte_t raw) { return (void)raw, false; }
#endif
/* How many frames the machine may translate by one TLB entry because of this leaf entry: 1, a group, or a block. */
static inline u64 pte_reach(pte_t raw, unsigned level)
{
    return (1UL << (PT_SHIFT(level) - PAGE_SHIFT)) * (level == 0 && PT_CONT > 1 && pte_cont(raw) ? PT_CONT : 1);
}
static inline bool pt_group_starts(const pte_t *p) { return ((vaddr_t)p / sizeof(*p) & (PT_CONT - 1)) == 0; }
void pt_unfold(struct mm *mm, vaddr_t addr, pte_t *ptep); /* the group that ptep, for addr, is in */
/* If the entries around ptep could be a group, make them one; false: no. Flushes. */
bool pt_fold(struct mm *mm, vaddr_t addr, pte_t *ptep);
void pt_isolate_slow(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr);
/* No group lies across either end of these entries, from now on. Lock held. */
static inline void pt_isolate(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    if (PT_CONT > 1 && unlikely(pte_cont((pte_t){pte_load_raw(ptep).v | pte_load_raw(ptep + nr - 1).v})))
        pt_isolate_slow(mm, addr, ptep, nr);
}

/* nr entries, `pte` and what follows from it, are about to be set: told to whoever listens. */
static inline void event_entries_set(struct mm *mm, vaddr_t addr, pte_t pte, u64 nr)
{
    mm_event(MM_EVENT_ENTRY_SET, addr, pte_pfn(pte), nr);
    if (pte_exec(pte) && pte_user(pte))
        code_mapped(mm, pte_pfn(pte), nr);
    (void)addr;
}

void set_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, pte_t pte, unsigned nr);
void update_mmu_cache_range(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr);
/* What a call of set_ptes() has to keep to; a debug kernel panics and says what is wrong. */
#if QUIRE_DEBUG
void check_set_ptes(struct mm *mm, vaddr_t addr, const pte_t *ptep, pte_t pte, unsigned nr);
#else
static inline void check_set_ptes(struct mm *mm, vaddr_t addr, const pte_t *ptep, pte_t pte, unsigned nr)
{
    (void)mm, (void)addr, (void)ptep, (void)pte, (void)nr;
}
#endif
/* set_ptes() of one entry that is in no group: it is empty, or its folio has one frame. */
static inline void set_lone_pte(struct mm *mm, vaddr_t addr, pte_t *ptep, pte_t pte)
{
    check_set_ptes(mm, addr, ptep, pte, 1);
    counter_inc(COUNTER_SET_PTES_CALLS);
    counter_inc(COUNTER_SET_PTES_ENTRIES);
    event_entries_set(mm, addr, pte, 1);
    pte_store(ptep, pte);
}
/* set_ptes() of any one entry. */
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
 * How many of the `max` entries from ptep on map consecutive frames with the same protection as `pte`
 * (accessed and dirty ignored), without leaving the range [pfn of pte, end_pfn). At least 1.
 */
unsigned folio_pte_batch(const pte_t *ptep, pte_t pte, unsigned max, pfn_t end_pfn);

/*
 * The counterparts of set_ptes: nr entries of one table and one area from ptep on; the table's lock is held. None of
 * them flushes where a flush can be put off (ARCH_FLUSH_ON_CLEAR): that is the caller's, before anything is put.
 *
 * They take whatever is there, present or not: protect_ptes gives at most `prot` (never write permission where there
 * was none), wrprotect_ptes takes write permission away, age_ptes "accessed", and returns how many had it. clear_ptes
 * makes them all empty, hide_ptes hides those that are present, until set_ptes or pte_store() ends the change.
 */
void protect_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr, pgprot_t prot);
void wrprotect_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr);
unsigned age_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr);
void clear_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr);
void hide_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr);

struct pt_root *kernel_root(void);
u64 ptdescs_in_use(void);

/* Early tables: the kernel's own, built before there is a buddy. mm/tables/early_map.c */
struct early_map {
    paddr_t next, end; /* frames for tables */
    struct pt_root *root;
};
void early_map_range(struct early_map *map, vaddr_t va, paddr_t pa, u64 size, pgprot_t prot);
