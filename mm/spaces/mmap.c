/* SPDX-License-Identifier: MIT */
/*
 * Mapping, unmapping and protecting ranges: the changes of areas. The changes of entries are in unmap.c and protect.c.
 * Everything that can fail comes before the first change. Contracts are in <quire/mm.h>.
 */
#include <quire/mm.h>
#include <quire/errno.h>
#include <quire/folio_trim.h>
#include <quire/upcalls.h>
#include "areas.h"

/*
 * A page that may be written or executed may also be read. Some machines can't forbid reads of such a page, and an
 * access must have the same result on all machines.
 */
static unsigned readable(unsigned prot) { return prot ? prot | PROT_READ : prot; }

static int check_map(vaddr_t addr, size_t len, unsigned prot, unsigned flags, const struct memobj *obj, u64 offset)
{
    bool shared = flags & MAP_SHARED, private = flags & MAP_PRIVATE;
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);

    if (len == 0 || shared == private || (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)))
        return -EINVAL;
    if (!IS_ALIGNED(offset, PAGE_SIZE) || (fixed && !IS_ALIGNED(addr, PAGE_SIZE)))
        return -EINVAL;
    if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
        return -EACCES; /* nothing is both writable and executable */
    if ((flags & MAP_GROWSDOWN) && (shared || obj))
        return -EINVAL; /* stacks are private memory: as an area grows, an object's pages would move in it */
    if (obj && obj->kind == MEMOBJ_DEVICE && (private || prot & PROT_EXEC))
        return private ? -EINVAL : -EACCES; /* registers can't be copied, and nothing else keeps their caches right */
    if ((flags & MAP_NOWRITE) && shared && (prot & PROT_WRITE))
        return -EACCES;
    if (len > USER_TOP || (fixed && !user_range_ok(addr, ALIGN_UP(len, PAGE_SIZE))))
        return -ENOMEM;
    if (fixed && addr < PAGE_SIZE)
        return -EPERM; /* nothing is mapped at null */
    if (obj && offset >> PAGE_SHIFT >= READ_ONCE(obj->nr_pages))
        return -EINVAL;
    return 0;
}

/* Whether two neighbouring areas are alike in everything, so that they can become one. */
static bool can_merge(const struct vma *low, const struct vma *high)
{
    return low && high && low->end == high->start && low->prot == high->prot && low->flags == high->flags &&
           low->obj == high->obj && low->anon == high->anon && low->hole == high->hole &&
           ((!low->obj && !low->hole) || area_page(low, low->end) == high->offset);
}

static void try_merge(struct vma *vma)
{
    struct tree_node *p = tree_prev(&vma->node);
    struct vma *prev = p ? container_of(p, struct vma, node) : NULL;

    if (can_merge(prev, vma)) {
        area_grow_up(prev, vma->end); /* for a moment a reverse-map walk may see both areas; it never misses both */
        area_free(vma);
        vma = prev;
    }
    struct vma *next = area_next(vma);
    if (can_merge(vma, next)) {
        area_grow_up(vma, next->end);
        area_free(next);
    }
}

/* VMA_* for MAP_*. */
static unsigned area_flags(unsigned flags)
{
    unsigned shared = flags & MAP_SHARED ? VMA_SHARED | (flags & MAP_NOWRITE ? VMA_NOWRITE : 0) : 0;

    return shared | (flags & MAP_GROWSDOWN ? VMA_STACK : 0);
}

/* A new area, in no tree yet, with references to its objects. `obj` may be NULL; `flags`: MAP_*. NULL: no memory. */
static struct vma *prepare_area(struct mm *mm, vaddr_t at, size_t len, unsigned prot, unsigned flags,
                                struct memobj *obj, u64 offset)
{
    struct vma *vma = area_new(mm, at, at + len, prot, area_flags(flags));

    if (!vma)
        return NULL;
    if (obj) {
        memobj_get(obj);
    } else if (flags & MAP_SHARED) { /* shared anonymous memory has an object of its own */
        obj = memobj_create(MEMOBJ_BACKED, len >> PAGE_SHIFT, mm->quota);
        if (!obj) {
            area_discard(vma);
            return NULL;
        }
    }
    if (obj && obj->kind == MEMOBJ_DEVICE)
        vma->flags |= VMA_DEVICE;
    vma->obj = obj;
    vma->offset = offset >> PAGE_SHIFT;
    return vma;
}

/* Inserts the area. Its range is free, and nothing can fail. */
static void place_area(struct vma *vma)
{
    /* Private anonymous memory above an area of the same kind shares its owner, so that the two can become one area. */
    struct vma *below = vma->start ? area_find(vma->mm, vma->start - 1) : NULL;

    if (!vma->obj && below && !below->obj && below->anon && below->prot == vma->prot && below->flags == vma->flags) {
        vma->anon = below->anon;
        memobj_get(vma->anon);
    }
    area_insert(vma);
    try_merge(vma);
}

static int map_locked(struct mm *mm, vaddr_t *addr, size_t len, unsigned prot, unsigned flags, struct memobj *obj,
                      u64 offset)
{
    vaddr_t at = *addr;

    if (flags & MAP_FIXED_NOREPLACE && !range_is_free(mm, at, len))
        return -EEXIST;
    if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && !(at = choose_address(mm, at, len, flags)))
        return -ENOMEM;
    struct vma *vma = prepare_area(mm, at, len, prot, flags, obj, offset);
    if (!vma)
        return -ENOMEM;
    int err = flags & MAP_FIXED ? unmap_areas(mm, at, len) : 0;
    if (err) {
        area_discard(vma);
        return err;
    }
    place_area(vma);
    if (obj && flags & QUIRE_MAP_NOW)
        map_what_is_there(area_find(mm, at), at, at + len); /* the new area may have become part of another one */
    *addr = at;
    return 0;
}

int mm_map(struct mm *mm, vaddr_t *addr, size_t len, unsigned prot, unsigned flags, struct memobj *obj, u64 offset)
{
    int err = check_map(*addr, len, prot, flags, obj, offset);

    if (err)
        return err;
    do {
        rwsem_write_lock(&mm->areas_lock);
        err = map_locked(mm, addr, ALIGN_UP(len, PAGE_SIZE), readable(prot), flags, obj, offset);
        rwsem_write_unlock(&mm->areas_lock);
    } while (err == -ENOMEM && folios_trim_for(mm->quota));
    return err;
}

int areas_cut(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct vma *vma = area_find(mm, start);
    int err = vma && vma->start < start ? area_split(vma, start) : 0;

    if (err)
        return err;
    vma = area_find(mm, end - 1);
    err = vma && vma->end > end ? area_split(vma, end) : 0;
    if (err && (vma = area_find(mm, start)) != NULL)
        try_merge(vma); /* an operation that fails changes nothing */
    return err;
}

int unmap_areas(struct mm *mm, vaddr_t start, size_t len)
{
    vaddr_t end = start + len;
    int err = areas_cut(mm, start, end);

    if (err)
        return err;
    struct vma *vma = area_at_or_above(mm, start);
    if (!vma || vma->start >= end)
        return 0;
    unmap_range(mm, start, end);
    while (vma && vma->start < end) {
        struct vma *next = area_step(vma);
        area_free(vma);
        vma = next;
    }
    unmap_tables(mm, start, end);
    return 0;
}

static int check_range(vaddr_t addr, size_t len)
{
    if (!len || !IS_ALIGNED(addr, PAGE_SIZE) || len > USER_TOP || !user_range_ok(addr, ALIGN_UP(len, PAGE_SIZE)))
        return -EINVAL;
    return 0;
}

int mm_unmap(struct mm *mm, vaddr_t addr, size_t len)
{
    int err = check_range(addr, len);

    if (err)
        return err;
    rwsem_write_lock(&mm->areas_lock);
    err = unmap_areas(mm, addr, ALIGN_UP(len, PAGE_SIZE));
    rwsem_write_unlock(&mm->areas_lock);
    return err;
}

bool areas_cover(struct mm *mm, vaddr_t start, vaddr_t end)
{
    for (struct vma *vma = area_find(mm, start); vma; vma = area_next(vma)) {
        if (vma->start > start)
            return false;
        start = vma->end;
        if (start >= end)
            return true;
        if (preempt_point())
            break;
    }
    return false;
}

/* Returns 0 if every area of [start, end) may get this protection. Areas cover the whole range. */
static int may_protect(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot)
{
    for (struct vma *vma = area_find(mm, start); vma && vma->start < end; vma = area_step(vma)) {
        if ((prot & PROT_WRITE) && (vma->flags & VMA_NOWRITE))
            return -EACCES; /* the handle that the object was mapped by doesn't allow writes */
        if ((prot & PROT_EXEC) && (vma->flags & (VMA_HOLE | VMA_DEVICE)))
            return -EACCES; /* a guest or a device may write there at any time */
    }
    return 0;
}

/* What shows device registers is shown again by faults, with the area's new protection. */
static void forget_devices(struct mm *mm, vaddr_t start, vaddr_t end)
{
    for (struct vma *vma = area_find(mm, start); vma && vma->start < end; vma = area_step(vma))
        if (vma->flags & VMA_DEVICE)
            unmap_range(mm, vma->start, vma->end);
}

int mm_protect(struct mm *mm, vaddr_t addr, size_t len, unsigned prot)
{
    int err = check_range(addr, len);

    if (err || prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC))
        return -EINVAL;
    if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
        return -EACCES;
    vaddr_t end = addr + ALIGN_UP(len, PAGE_SIZE);
    rwsem_write_lock(&mm->areas_lock);
    prot = readable(prot);
    err = areas_cover(mm, addr, end) ? may_protect(mm, addr, end, prot) : -ENOMEM;
    if (!err)
        err = areas_cut(mm, addr, end);
    if (!err) {
        for (struct vma *vma = area_find(mm, addr); vma && vma->start < end; vma = area_step(vma))
            vma->prot = prot;
        forget_devices(mm, addr, end);
        protect_range(mm, addr, end, prot);
        struct vma *vma = area_find(mm, addr);
        while (vma && vma->start <= end) { /* try_merge() may free areas, so look up the next one by its address */
            vaddr_t next = vma->end;
            try_merge(vma);
            preempt_point();
            vma = next < USER_TOP ? area_at_or_above(mm, next) : NULL;
        }
    }
    rwsem_write_unlock(&mm->areas_lock);
    return err;
}
