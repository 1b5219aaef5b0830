/* SPDX-License-Identifier: MIT */
/*
 * What an address space is made of: areas (struct vma) in a balanced tree, and the entries below them. What the kernel
 * may ask of an address space is in <quire/mm.h>; what only mm/spaces/ does with areas is in mm/spaces/areas.h.
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
#define VMA_HOLE (1u << 4)        /* shows frames of vma->hole, which are all mapped at once; never executable */
#define VMA_NOWRITE (1u << 5)     /* shared, and mapped by somebody who may not write to the object */

#define VMA_DEVICE (1u << 6)      /* shows device registers: shared, never executable, of no folio */

struct vma {
    struct tree_node node; /* in mm->areas, key = start */
    struct mm *mm;
    vaddr_t start, end;
    unsigned prot;  /* PROT_*; ACCESS_* have the same values */
    unsigned flags;
    u64 offset;     /* the page of obj, or of the hole, that `start` shows */
    struct memobj *obj;  /* NULL: only anonymous memory */
    struct memobj *anon; /* owner of the private pages; NULL until there is one, and always in shared areas */
    struct list obj_link, anon_link;
    struct insecure_mem *hole; /* VMA_HOLE: the hole, whose list has obj_link; NULL once the hole has closed */
};

struct mm {
    struct pt_root root;
    u32 refs;            /* atomic: one for each process, and one for each CPU that has loaded this address space */
    struct quota *quota; /* who pays; set before the first mapping */
    u64 stack_limit;     /* bytes that a stack may grow to */

    struct rwsem areas_lock; /* of the areas; tables stay while it is held for reading */
    struct tree areas;
    struct vma *last_found;  /* where the next fault probably is; NULL after an area is freed */

    /* atomic */
    u64 need_gen;        /* the code generation that its instructions need, <quire/cacheflush.h> */
    u64 exec_gen;        /* the generation that tests/icache knows it to need, <quire/code_events.h> */
    u64 nr_mapped;       /* mapped frames */
    u32 flushes_pending; /* TLB gathers that have cleared entries and not flushed them yet (mm/holes/rmap.c reads it) */
    u64 nr_table_frames;

    spinlock_t tables_lock;
    struct list partial_tables; /* frames with room for more tables that are smaller than a frame */
};

/* --- areas ----------------------------------------------------------------------------------------- */

struct vma *area_find_slow(struct mm *mm, vaddr_t addr);
/* The area that addr lies in; NULL: none. */
static inline struct vma *area_find(struct mm *mm, vaddr_t addr)
{
    struct vma *vma = READ_ONCE(mm->last_found);
    return likely(vma && addr - vma->start < vma->end - vma->start) ? vma : area_find_slow(mm, addr);
}
struct vma *area_at_or_above(struct mm *mm, vaddr_t addr);      /* the first that ends above addr */
struct vma *area_next(struct vma *vma);
/* area_next() for loops whose length a program chose: has a preempt point. No spin lock held. */
struct vma *area_step(struct vma *vma);
static inline u64 area_page(const struct vma *vma, vaddr_t addr)
{
    return vma->offset + ((addr - vma->start) >> PAGE_SHIFT);
}
/* With PROT_NONE, entries keep their frames and allow nothing. Writable entries are dirty from the start. */
static inline pgprot_t area_pgprot(unsigned prot)
{
    return PGPROT_USER | (prot ? PGPROT_READ : 0u) | (prot & PROT_WRITE ? PGPROT_WRITE | PGPROT_DIRTY : 0u) |
           (prot & PROT_EXEC ? PGPROT_EXEC : 0u);
}

struct memobj *area_make_anon(struct vma *vma);
/* The owner of the area's private pages; NULL: no memory to make one. */
static inline struct memobj *area_anon(struct vma *vma)
{
    struct memobj *anon = READ_ONCE(vma->anon); /* reads through the pointer come after it: a data dependency */
    return likely(anon) ? anon : area_make_anon(vma);
}

/* --- what entries may show besides folios ---------------------------------------------------------- */
/*
 * The entry of a private page whose frame is in a hole now: it isn't present, and keeps the frame's number and the
 * mapping's reference to the folio (mm/faults/fault_hole.c). A broken frame leaves the same mark without a number.
 */
static inline pte_t pte_hole_mark(pfn_t pfn) { return pte_advance_pfn(pte_poison(), pfn); }
static inline bool pte_is_hole_mark(pte_t e) { return pte_poisoned(e) && pte_pfn(e) != 0; }
/* The mark was copied to one more entry. Does nothing if e is no mark of a hole. */
static inline void hole_mark_get(pte_t e)
{
    if (pte_is_hole_mark(e))
        folio_get(mapped_folio(pte_pfn(e)));
}

/* --- what page faults and madvise() ask of areas --------------------------------------------------- */
/* Splits areas that cross an end of [start, end), page-aligned. Lock held for writing. -ENOMEM: nothing changed. */
int areas_cut(struct mm *mm, vaddr_t start, vaddr_t end);
bool areas_cover(struct mm *mm, vaddr_t start, vaddr_t end); /* whether areas lie in the whole range */
/*
 * After a fault at addr, where no area is. Takes the lock itself. 0: the stack above has grown to addr; -EFAULT: there
 * is no such stack; -E2BIG: the stack may not grow so far.
 */
int stack_grow(struct mm *mm, vaddr_t addr);

/* --- entries --------------------------------------------------------------------------------------- */
/*
 * Map frames [first, first + nr) of the folio at addr, page by page. `prot`: PROT_* to use, at most what the area
 * allows. Stops at the end of the area, of the table or of the folio, at a word that isn't the folio's, or at an entry
 * that isn't empty. Returns how many frames it has mapped, each with a reference; -ENOMEM: no memory for a table.
 */
int map_pages(struct mm *mm, struct vma *vma, vaddr_t addr, struct folio *folio, size_t first, size_t nr,
              unsigned prot);

/* The same for a caller that has the first entry; all nr entries lie in the area, the folio and ptep's table. */
unsigned map_entries(struct vma *vma, vaddr_t addr, pte_t *ptep, struct folio *folio, size_t first, unsigned nr,
                     unsigned prot);

/* Load mm on this CPU (NULL: no user space). Interrupts off. */
void mm_activate(struct mm *mm);
void asid_forget(void); /* before a root that no CPU has loaded is freed: waits for whoever still looks at the root */

/* Remove the mappings of [start, end), flush, and drop the frames' references. areas_lock for writing. */
void unmap_range(struct mm *mm, vaddr_t start, vaddr_t end);
/* Free the tables that only [start, end) used. No area lies there any more. areas_lock for writing. */
void unmap_tables(struct mm *mm, vaddr_t start, vaddr_t end);
/* Clear "accessed" for all pages of [start, end); flushes once. Returns how many had it. areas_lock for writing. */
u64 age_range(struct mm *mm, vaddr_t start, vaddr_t end);
