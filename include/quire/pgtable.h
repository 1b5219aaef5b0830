/* SPDX-License-Identifier: MIT */
/*
 * Page tables: descriptors, the walker, and the range interface.
 *
 * The range interface has four functions. Whoever maps calls them in this order:
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

/* The descriptor of a page-table frame (or of the frames of a large table); typed memory. */
struct ptdesc {
    spinlock_t lock; /* the entries in it */
    u8 level;
    u8 order;        /* frames, log2 */
    u16 fragments;   /* tables smaller than a frame: one bit for each part that is in use */
    pfn_t pfn;
    struct mm *mm;   /* NULL: the kernel's */
    struct list link; /* in the mm's list of tables with a free part */
    pte_t *deposits;  /* empty tables, one for each block in this one: quire/block.h */
    void *slab_link;
} __aligned(16);

/* The entry as it would be without groups; `raw` was read from p. */
static inline pte_t pte_loaded(pte_t raw, const pte_t *p) { return pte_uncont(raw, (u64)p / sizeof(*p) % PT_CONT); }
static inline pte_t pte_load(const pte_t *p) { return pte_loaded(pte_load_raw(p), p); }

static inline u64 pt_index(vaddr_t addr, unsigned level)
{
    return addr >> PT_SHIFT(level) & (PT_ENTRIES(level) - 1);
}
static inline u64 pt_span(unsigned level) { return 1UL << PT_SHIFT(level); } /* bytes under one entry */
static inline pte_t *pt_table_of(pte_t e, unsigned level) { return paddr_address(pde_table(e, level)); }

/* The entry is free for a page: it maps nothing, and no page was lost there. */
static inline bool pte_none(pte_t e) { return !pte_present(e) && !pte_poisoned(e); }

/* The page entry as it is stored in the middle of a change. */
static inline pte_t pte_hide(pte_t e) { return pte_apply(pte_mkyoung(e), pte_change(PGPROT_USER)); }

/*
 * The walk, for all formats and all owners of tables; it keeps no state. It goes from the top down to the entry that
 * decides about addr: a page entry (level 0), a block, or the empty entry where the tree ends. *level is the entry's
 * level. Above level 0, *above is the entry's value: use that, because a second look may find another one. Never fails,
 * takes no lock. Inline for page faults; everybody else calls pt_walk().
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

/* The page entry for addr if there is one (also inside a block); else an entry that isn't present. */
pte_t pt_lookup(const struct pt_root *root, vaddr_t addr);

/*
 * The entry for addr at `level`. Makes the tables on the way. NULL: no memory, or a block is in the way (the tables
 * made so far stay, and the next call finds them). No page-table lock held.
 */
pte_t *pt_ensure(struct mm *mm, vaddr_t addr, unsigned level);

/*
 * A new, empty table of this level for mm (NULL: the kernel); NULL: no memory. pt_table_free() frees at once: nobody
 * may still walk through the table (use tlb_gather_table() otherwise).
 */
pte_t *pt_table_alloc(struct mm *mm, unsigned level);
void pt_table_free(pte_t *table);

/* The descriptor of the table that this entry lies in; the frame's word points to it. */
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

struct pt_root *kernel_root(void);
u64 ptdescs_in_use(void);

/* Early tables: the kernel's own, built before there is a buddy. mm/tables/early_map.c */
struct early_map {
    paddr_t next, end; /* frames for tables */
    struct pt_root *root;
};
void early_map_range(struct early_map *map, vaddr_t va, paddr_t pa, u64 size, pgprot_t prot);
