/* SPDX-License-Identifier: MIT */
/*
 * What an address space is made of: areas (struct vma) in a balanced tree, and the entries below them. What the kernel
 * may ask of one is in <quire/mm.h>; what only mm/spaces/ does with areas is in mm/spaces/areas.h.
 *
 * Every caller holds mm->areas_lock, for reading at least, unless a contract says otherwise.
 */
#pragma once

#include <quire/memobj.h>
#include <quire/owner_word.h>
#include <quire/pgtable.h>
#include <quire/tree.h>
#include <quire/upcalls.h>
#include <uapi/quire/mman.h>

struct insecure_mem;
struct quota;

/* vma->flags */
#define VMA_SHARED (1u << 0)      /* writes go to the object */
#define VMA_STACK (1u << 1)       /* grows down: mm/spaces/stack.c */
#define VMA_NOHUGE (1u << 2)      /* single frames only */
#define VMA_HUGE (1u << 3)        /* blocks where they fit */
#define VMA_HOLE (1u << 4)        /* shows frames of vma->hole; all mapped at once; never executable */
#define VMA_NOWRITE (1u << 5)     /* shared, and mapped by somebody who may not write to the object */

struct vma {
    struct tree_node node; /* in mm->areas, key = start */
    struct mm *mm;
    vaddr_t start, end;
    unsigned prot;  /* PROT_*, which are ACCESS_* too */
    unsigned flags;
    u64 offset;     /* page of obj, or of the hole, that `start` shows */
    struct memobj *obj;  /* NULL: nothing but anonymous memory */
    struct memobj *anon; /* owner of private pages; NULL until the first (shared areas: always) */
    struct list obj_link, anon_link;
    struct insecure_mem *hole; /* VMA_HOLE: which; NULL once that has closed. In its list through obj_link */
};

struct mm {
    struct pt_root root;
    u32 refs;            /* atomic: its processes', and one for each CPU that has it loaded */
    struct quota *quota; /* who pays; set before the first mapping */
    u64 stack_limit;     /* bytes that a stack may grow to */

    struct rwsem areas_lock; /* areas; tables stay while it is held for reading */
    struct tree areas;
    struct vma *last_found;  /* where the next fault probably is; NULL after any change */

    /* atomic */
    u64 need_gen;        /* code generation its instructions need, <quire/cacheflush.h> */
    u64 exec_gen;        /* ... and which it is known to need; kept by who plays the caches, <quire/code_events.h> */
    u64 nr_mapped;       /* frames mapped */
    u32 flushes_pending; /* TLB gathers that have cleared entries and not flushed them yet (mm/holes/rmap.c reads it) */
    u64 nr_table_frames;

    spinlock_t tables_lock;
    struct list partial_tables; /* tables smaller than a frame share one */
};

/* --- areas ----------------------------------------------------------------------------------------- */

struct vma *area_find_slow(struct mm *mm, vaddr_t addr);
/* The one that holds addr; NULL. */
static inline struct vma *area_find(struct mm *mm, vaddr_t addr)
{
    struct vma *vma = READ_ONCE(mm->last_found);
    return likely(vma && addr - vma->start < vma->end - vma->start) ? vma : area_find_slow(mm, addr);
}
struct vma *area_at_or_above(struct mm *mm, vaddr_t addr);      /* the first that ends above addr */
struct vma *area_next(struct vma *vma);
/* The same in a loop over as many as a program likes: others may run in between. No spin lock held. */
struct vma *area_step(struct vma *vma);
static inline u64 area_page(const struct vma *vma, vaddr_t addr) { return vma->offset + ((addr - vma->start) >> PAGE_SHIFT); }
/* PROT_NONE keeps its frames behind entries that allow nothing; writable entries are dirty from the start. */
static inline pgprot_t area_pgprot(unsigned prot)
{
    return PGPROT_USER | (prot ? PGPROT_READ : 0u) | (prot & PROT_WRITE ? PGPROT_WRITE | PGPROT_DIRTY : 0u) |
           (prot & PROT_EXEC ? PGPROT_EXEC : 0u);
}

struct memobj *area_make_anon(struct vma *vma);
/* The owner of its private pages; NULL: no memory for one. */
static inline struct memobj *area_anon(struct vma *vma)
{
    struct memobj *anon = READ_ONCE(vma->anon); /* what is read through it comes after it: a data dependency */
    return likely(anon) ? anon : area_make_anon(vma);
}

/* --- what entries may show besides folios ---------------------------------------------------------- */
/*
 * The page of zeros, read-only wherever it is mapped, nobody's folio; PFN_NONE: there is none
 * (mm/spaces/fault_zero.c).
 */
extern pfn_t zero_pfn;

/*
 * What stands where a private page was mapped whose frame is in a hole now: not present, with the frame's number and
 * the mapping's reference to the folio (mm/spaces/fault_hole.c). A broken frame leaves the same mark without a number.
 */
static inline pte_t pte_hole_mark(pfn_t pfn) { return pte_advance_pfn(pte_poison(), pfn); }
static inline bool pte_is_hole_mark(pte_t e) { return pte_poisoned(e) && pte_pfn(e) != 0; }
void hole_mark_get(pte_t e); /* one more entry says the same; nothing if it is no such mark */

/* --- entries --------------------------------------------------------------------------------------- */
/*
 * Map frames [first, first + nr) of the folio at addr, page by page. `prot`: PROT_* to use, at most what the area
 * allows. Stops at the end of the area, of the table and of the folio, at a word that isn't the folio's, and at an
 * entry that isn't empty. Returns how many frames are mapped now, each with a reference; -ENOMEM: no table.
 */
int map_pages(struct mm *mm, struct vma *vma, vaddr_t addr, struct folio *folio, size_t first, size_t nr, unsigned prot);

/* The same with the first entry in hand; all nr entries lie in the area, the folio and ptep's table. */
unsigned map_entries(struct vma *vma, vaddr_t addr, pte_t *ptep, struct folio *folio, size_t first, unsigned nr,
                     unsigned prot);

/* Load mm on this CPU (NULL: no user space). Interrupts off. */
void mm_activate(struct mm *mm);
void asid_forget(void); /* before a root that no CPU has loaded is freed: nobody looks at it any more */

/* Remove the mappings of [start, end), flush, and let the frames go. areas_lock for writing. */
void unmap_range(struct mm *mm, vaddr_t start, vaddr_t end);
/* Let the tables go that only [start, end) used; no area lies there any more. areas_lock for writing. */
void unmap_tables(struct mm *mm, vaddr_t start, vaddr_t end);
/* "Accessed" is taken from all pages of [start, end); flushes once. Returns how many had it. areas_lock for writing. */
u64 age_range(struct mm *mm, vaddr_t start, vaddr_t end);
