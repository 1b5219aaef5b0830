/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: areas (struct vma) in a balanced tree, page tables below them, faults that bring memory
 * in. Addresses and lengths are in bytes. Errors are negative E... numbers; a function that fails changes nothing.
 *
 * Lock order: mm->areas_lock (sleeping, read for faults, write for changes), memobj, folio, page table.
 */
#pragma once

#include <quire/space.h>

#define MAP_NOWRITE 0x80000000u /* mm_map(): whoever maps may not write to the object; programs can't use this flag */

struct mm *mm_create(void); /* NULL: no memory */
static inline void mm_get(struct mm *mm) { __atomic_fetch_add(&mm->refs, 1, __ATOMIC_RELAXED); }
void mm_put(struct mm *mm); /* the last call unmaps everything */
struct mm *mm_clone(struct mm *mm); /* a copy-on-write copy; NULL: no memory */
/*
 * From now on, what mm keeps is charged to the quota. To be called before the first mapping. -ENOMEM: the quota has no
 * room even for what mm has already; nothing is changed.
 */
int mm_set_quota(struct mm *mm, struct quota *quota);

/*
 * Map len bytes of obj from offset on (NULL: anonymous memory, offset 0). With MAP_FIXED or MAP_FIXED_NOREPLACE, *addr
 * is the address: the first replaces what is there, the second returns -EEXIST. Otherwise *addr is a hint, and is set
 * to the place found. The mapping may be longer than the object: an access to a page behind the object's end is a bus
 * error. What may be written or executed may be read, too. Errors: -EINVAL (unaligned, zero, wrapping, none or both of
 * MAP_SHARED and MAP_PRIVATE, begins behind the object's end, an object or shared memory that grows down, private
 * device registers), -ENOMEM (no room), -EACCES (writable and executable; executable device registers; MAP_NOWRITE,
 * shared and writable), -EPERM (the page at address 0). With QUIRE_MAP_NOW the pages that the object has are mapped at
 * once; that is no promise, and has no errors.
 */
int mm_map(struct mm *mm, vaddr_t *addr, size_t len, unsigned prot, unsigned flags, struct memobj *obj, u64 offset);
int mm_unmap(struct mm *mm, vaddr_t addr, size_t len);             /* gaps are fine; -EINVAL, -ENOMEM */
/*
 * -ENOMEM: not all is mapped, or no memory; -EACCES: writable and executable, an object that may not be written, or a
 * hole or device registers that would become executable.
 */
int mm_protect(struct mm *mm, vaddr_t addr, size_t len, unsigned prot);
/*
 * -ENOMEM: not all is mapped, or no memory; -EINVAL: no such advice, or MADV_DONTNEED for pages that can't be brought
 * in again (a guest's); -EINTR: the process was killed meanwhile; -EAGAIN: MADV_POPULATE of a page that a pager must
 * supply.
 */
int mm_madvise(struct mm *mm, vaddr_t addr, size_t len, int advice);
/*
 * User code at [addr, addr + len) was written: make it executable on all CPUs. -EINVAL: not user space; -EINTR: the
 * process was killed meanwhile.
 */
int mm_cache_sync(struct mm *mm, vaddr_t addr, size_t len);

/*
 * Map all frames of a hole at *addr (0: anywhere), shared. Each entry holds a reference to the hole. An access to a
 * broken frame is a bus error.
 */
int mm_map_hole(struct mm *mm, vaddr_t *addr, struct insecure_mem *hole, unsigned prot);
/* Unmap the hole again, as far as it is still mapped there. */
void mm_unmap_hole(struct mm *mm, vaddr_t addr, struct insecure_mem *hole);

/*
 * Bring in the page at addr for this kind of access. 0: try the access again; -EFAULT: no area; -EACCES: the area
 * forbids the access; -E2BIG: a stack has reached its limit; -ENOMEM. Three errors are bus errors: -EHWPOISON: the
 * frame is broken; -EBUSY: the frame is in a hole; -ENXIO: the page is behind the end of the object. -EAGAIN: a pager
 * has to supply the page first; whoever can't wait for one takes this as an error.
 */
int mm_fault(struct mm *mm, vaddr_t addr, unsigned access);
/*
 * After mm_fault() has said -EAGAIN: the object that misses the page for addr, with a reference; *page is the page.
 * NULL: it misses none there any more.
 */
struct memobj *mm_miss(struct mm *mm, vaddr_t addr, u64 *page);
/*
 * The page entry for addr, as it was a moment ago; within a block, an entry that shows addr's frame. If the caller
 * holds no lock, the function takes areas_lock for reading, which keeps the tables, and may sleep. If the caller holds
 * locks, one of them must keep the tables: areas_lock, the lock of an owner whose area lies there (a reverse-map walk),
 * or the table's own lock.
 */
pte_t mm_lookup(struct mm *mm, vaddr_t addr);

/*
 * Write into an address space that no thread runs in yet (variables and arguments of a new program). The errors of
 * mm_fault(); -EACCES also for what is no folio's: a hole, device registers.
 */
int mm_write(struct mm *mm, vaddr_t addr, const void *data, size_t len);

/*
 * The name of a place in memory: for shared memory (object, offset), which is the same in all address spaces; for other
 * memory (address space, address). mm_place() looks up what lies at addr now. It keeps the object until mm_place_end();
 * the caller keeps the address space. May sleep, no locks held. -EFAULT: nothing is mapped there.
 */
struct mm_place {
    const void *of;
    u64 at;
    struct memobj *obj; /* with a reference; NULL: not shared */
};
int mm_place(struct mm *mm, vaddr_t addr, struct mm_place *place);
static inline void mm_place_end(struct mm_place *place)
{
    if (place->obj)
        memobj_put(place->obj);
}

/* Whether [addr, addr + len) lies in user space. */
static inline bool user_range_ok(vaddr_t addr, size_t len) { return len <= USER_TOP && addr <= USER_TOP - len; }

u64 mm_objects_in_use(void);
