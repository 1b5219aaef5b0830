/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: areas (struct vma) in a balanced tree, page tables below them, faults that bring memory
 * in. Addresses and lengths in bytes; errors are negative E... numbers and change nothing.
 *
 * Locks: mm->areas_lock (sleeping, read for faults, write for changes), memobj, folio, page table.
 */
#pragma once

#include <quire/space.h>

#define MAP_NOWRITE 0x80000000u /* mm_map(): whoever maps may not write to the object; programs can't say it */

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

/* Whether user mode's range [addr, addr + len) lies in user space at all. */
static inline bool user_range_ok(vaddr_t addr, size_t len) { return len <= USER_TOP && addr <= USER_TOP - len; }

u64 mm_objects_in_use(void);
