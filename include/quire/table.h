/* SPDX-License-Identifier: MIT */
/*
 * Page tables: their descriptors, the walk, and making tables. How entries are changed is in <quire/pgtable.h>, which
 * includes this header.
 */
#pragma once

#include <quire/list.h>
#include <quire/log.h>
#include <quire/memdesc.h>
#include <quire/pgprot.h>
#include <quire/pt_root.h>
#include <quire/spinlock.h>
#include <quire/address.h>
#include <arch/pgtable.h>

struct mm;

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

struct pt_root *kernel_root(void);
u64 ptdescs_in_use(void);

/* Early tables: the kernel's own, built before there is a buddy. mm/tables/early_map.c */
struct early_map {
    paddr_t next, end; /* frames for tables */
    struct pt_root *root;
};
void early_map_range(struct early_map *map, vaddr_t va, paddr_t pa, u64 size, pgprot_t prot);
