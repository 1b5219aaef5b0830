/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: areas (struct vma) in a balanced tree, page tables below them, faults that bring memory
 * in. Addresses and lengths in bytes; errors are negative E... numbers and change nothing.
 *
 * Locks: mm->areas_lock (sleeping, read for faults, write for changes), memobj, folio, page table.
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

#define MAP_NOWRITE 0x80000000u /* mm_map(): whoever maps may not write to the object; programs can't say it */

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
    u32 refs;
    struct rwsem areas_lock;
    struct tree areas;
    struct vma *last_found; /* where the next fault probably is; NULL after any change */
    struct quota *quota;
    u64 stack_limit; /* bytes that a stack may grow to */
    u64 need_gen; /* code generation its instructions need, <quire/cacheflush.h> */
    u64 exec_gen; /* ... and which it is known to need; kept by who plays the caches, <quire/code_events.h> */
    u64 nr_mapped; /* frames mapped */
    u32 flushes_pending; /* TLB gathers that have cleared entries and not flushed them yet (mm/holes/rmap.c reads it) */
    u64 nr_table_frames;
    spinlock_t tables_lock;
    struct list partial_tables;
};

struct mm *mm_create(void); /* NULL: no memory */
static inline void mm_get(struct mm *mm) { __atomic_fetch_add(&mm->refs, 1, __ATOMIC_RELAXED); }
void mm_put(struct mm *mm); /* the last one unmaps everything */
struct mm *mm_clone(struct mm *mm); /* copy-on-write copy; NULL: no memory */
/*
 * Before the first mapping: what mm keeps is charged from now on. -ENOMEM: not even what it has by now; nothing is
 * changed.
 */
int mm_set_quota(struct mm *mm, struct quota *quota);

/*
 * Map len bytes of obj from offset on (NULL: anonymous, offset 0). *addr: where, if MAP_FIXED (replacing
 * what is there) or MAP_FIXED_NOREPLACE (-EEXIST); otherwise a hint, and set to the place found.
 * May be longer than the object: pages behind its end are bus errors. -EINVAL (unaligned, zero, wrapping, no or both
 * of MAP_SHARED and MAP_PRIVATE, begins behind the object's end, an object that grows down), -ENOMEM (no room), -EACCES
 * (writable and executable; MAP_NOWRITE, shared and writable). What may be written or executed may be read, too.
 */
int mm_map(struct mm *mm, vaddr_t *addr, size_t len, unsigned prot, unsigned flags, struct memobj *obj, u64 offset);
int mm_unmap(struct mm *mm, vaddr_t addr, size_t len);             /* gaps are fine; -EINVAL, -ENOMEM */
/*
 * -ENOMEM: not all mapped; -EACCES: writable and executable, an object that may not be written, a hole made
 * executable.
 */
int mm_protect(struct mm *mm, vaddr_t addr, size_t len, unsigned prot);
/*
 * -ENOMEM: not all mapped, or no memory; -EINVAL: no such advice, or MADV_DONTNEED of pages that can't be brought in
 * again (a guest's); -EINTR: the process was killed meanwhile.
 */
int mm_madvise(struct mm *mm, vaddr_t addr, size_t len, int advice);
/*
 * User code at [addr, addr + len) was written: make it executable on all CPUs. -EINVAL: not user space; -EINTR:
 * killed.
 */
int mm_cache_sync(struct mm *mm, vaddr_t addr, size_t len);

/*
 * Show a hole's frames at *addr (0: anywhere), shared, all at once; each entry holds a reference to it. Broken frames
 * are bus errors.
 */
int mm_map_hole(struct mm *mm, vaddr_t *addr, struct insecure_mem *hole, unsigned prot);
/* Take it away again, if it is still there. */
void mm_unmap_hole(struct mm *mm, vaddr_t addr, struct insecure_mem *hole);

/*
 * Bring the page at addr in for this kind of access. 0: try again; -EFAULT: no area; -EACCES: the area forbids it;
 * -E2BIG: a stack has reached its limit; -ENOMEM; and bus errors: -EHWPOISON: the frame is broken; -EBUSY: it is in a
 * hole; -ENXIO: behind the end of the object.
 */
int mm_fault(struct mm *mm, vaddr_t addr, unsigned access);
/*
 * The page entry for addr, as it was a moment ago; within a block, the one that shows addr's frame. Without any lock it
 * takes areas_lock for reading, which keeps the tables, and may sleep. A caller that holds locks holds one that keeps
 * them: areas_lock, that of an owner whose area lies there (a reverse-map walk), or the table's own.
 */
pte_t mm_lookup(struct mm *mm, vaddr_t addr);

/* Write into an address space that no thread runs in yet (arguments of a new program). */
int mm_write(struct mm *mm, vaddr_t addr, const void *data, size_t len);

/*
 * Map frames [first, first + nr) of folio at addr, page by page, with the area's
 * protection. Stops at the area's end, the table's end, the folio's end, a change of word, and an entry
 * that is present already. Returns the frames mapped (0: none; -ENOMEM). Takes a reference a frame.
 * `prot`: PROT_* to use, at most what the area allows. areas_lock held.
 */
int map_pages(struct mm *mm, struct vma *vma, vaddr_t addr, struct folio *folio, size_t first, size_t nr, unsigned prot);

/* The same with the first entry in hand; all nr entries lie in the area, the folio and ptep's table. */
unsigned map_entries(struct vma *vma, vaddr_t addr, pte_t *ptep, struct folio *folio, size_t first, unsigned nr,
                     unsigned prot);

/* areas_lock held */
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

/* Stacks: mm/spaces/stack.c */
#define STACK_GUARD_GAP (64 * KiB) /* kept free below each */
#define STACK_LIMIT_DEFAULT (8 * MiB)
/* where the stack may grow to that vma is the lowest piece of */
vaddr_t stack_lowest(const struct mm *mm, struct vma *vma);
/* A fault at addr, where no area is. 0: a stack above has grown over it; -EFAULT; -E2BIG: the stack may not. */
int stack_grow(struct mm *mm, vaddr_t addr);

/* Areas: mm/spaces/area.c; then what unmap.c, map.c and protect.c do with a range of them */
struct vma *area_new(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot, unsigned flags);
int area_insert(struct vma *vma);
void area_free(struct vma *vma);
int area_split(struct vma *vma, vaddr_t at);
void area_grow_down(struct vma *vma, vaddr_t start); /* anonymous, with room below it; areas_lock for writing */
void area_grow_up(struct vma *vma, vaddr_t end); /* over an area of its kind that goes; areas_lock for writing */
void area_discard(struct vma *vma); /* one that was never inserted */
/* Make area boundaries at both ends of [start, end) where an area crosses them; -ENOMEM: nothing has changed. */
int areas_cut(struct mm *mm, vaddr_t start, vaddr_t end);
/* Whether areas cover all of [start, end). */
bool areas_cover(struct mm *mm, vaddr_t start, vaddr_t end);
int unmap_areas(struct mm *mm, vaddr_t start, size_t len); /* page-aligned; areas_lock for writing */
int map_hole_entries(struct vma *vma);
/* Entries of [start, end) get at most `prot`; flushes. areas_lock for writing. */
void protect_range(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot);
/* "Accessed" is taken from all pages of [start, end); flushes once. Returns how many had it. areas_lock for writing. */
u64 age_range(struct mm *mm, vaddr_t start, vaddr_t end);
struct memobj *area_make_anon(struct vma *vma);
/* The owner of its private pages; NULL: no memory for one. */
static inline struct memobj *area_anon(struct vma *vma)
{
    struct memobj *anon = READ_ONCE(vma->anon); /* what is read through it comes after it: a data dependency */
    return likely(anon) ? anon : area_make_anon(vma);
}

/* Remove the mappings of [start, end), flush, and let the frames go. areas_lock for writing. */
void unmap_range(struct mm *mm, vaddr_t start, vaddr_t end);
/* Let the tables go that only [start, end) used; no area lies there any more. areas_lock for writing. */
void unmap_tables(struct mm *mm, vaddr_t start, vaddr_t end);
/* The end of an address space: areas, frames, tables. */
void unmap_all(struct mm *mm);

/* Load mm on this CPU (NULL: no user space). Interrupts off. */
void mm_activate(struct mm *mm);
void asid_forget(void); /* before a root that no CPU has loaded is freed: nobody looks at it any more */

/* Whether user mode's range [addr, addr + len) lies in user space at all. */
static inline bool user_range_ok(vaddr_t addr, size_t len) { return len <= USER_TOP && addr <= USER_TOP - len; }

u64 mm_objects_in_use(void);
