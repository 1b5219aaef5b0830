/* SPDX-License-Identifier: MIT */
/* Hints and requests about ranges of an address space: madvise and cache_sync. */
#include <quire/cacheflush.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/mm.h>
#include <quire/upcalls.h>
#include <quire/poison.h>

static int set_flags(struct mm *mm, vaddr_t start, vaddr_t end, unsigned set, unsigned clear)
{
    int err = areas_cut(mm, start, end);

    for (struct vma *vma = area_find(mm, start); !err && vma && vma->start < end; vma = area_step(vma))
        vma->flags = (vma->flags & ~clear) | set;
    return err;
}

/* Brings in every page of the range as an access does, but no stack grows. */
static int populate(struct mm *mm, vaddr_t start, vaddr_t end, unsigned access)
{
    rwsem_read_lock(&mm->areas_lock);
    bool covered = areas_cover(mm, start, end);
    rwsem_read_unlock(&mm->areas_lock);
    if (!covered)
        return -ENOMEM;
    for (vaddr_t addr = start; addr < end;) {
        if (preempt_point())
            return -EINTR;
        pte_t e = mm_lookup(mm, addr);
        if (pte_present(e) && pte_accessible(e) && (access != ACCESS_WRITE || pte_write(e))) {
            addr += PAGE_SIZE;
            continue;
        }
        int err = mm_fault(mm, addr, access);
        if (err)
            return err == -EFAULT ? -ENOMEM : err == -ENXIO ? -EFAULT : err;
    }
    return 0;
}

/*
 * MADV_HWPOISON breaks frames, for tests and for people who want to see what happens then. Broken frames are never used
 * again, and no account pays for them after their folios are freed. So programs may break only a small part of memory.
 */
#define MOST_BROKEN(frames) ((frames) / 64)

static u64 nr_broken; /* frames that programs have broken or are breaking */

/* Counts one more broken frame; false: the limit is reached. The count never exceeds it, not even for a moment. */
static bool may_break(void)
{
    u64 n = READ_ONCE(nr_broken);

    do
        if (n >= MOST_BROKEN(memory.nr_frames))
            return false;
    while (!__atomic_compare_exchange_n(&nr_broken, &n, n + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}

static int break_frame(pfn_t pfn)
{
    if (!may_break())
        return -EBUSY;
    int err = memory_failure(pfn);
    if (err)
        __atomic_fetch_sub(&nr_broken, 1, __ATOMIC_RELAXED);
    return err;
}

/*
 * 0: the frame is the program's own, or of an object that the program may write to; -EACCES: it isn't; -ENOMEM: the
 * page isn't mapped any more.
 */
static int may_spoil(struct mm *mm, vaddr_t addr, const struct folio *f)
{
    rwsem_read_lock(&mm->areas_lock);
    struct vma *vma = area_find(mm, addr);
    bool may = vma && (vma->flags & VMA_SHARED ? !(vma->flags & VMA_NOWRITE) : !vma->obj || f->owner != vma->obj);
    rwsem_read_unlock(&mm->areas_lock);
    return !vma ? -ENOMEM : may ? 0 : -EACCES;
}

/* Breaks the frames of these pages. */
static int break_frames(struct mm *mm, vaddr_t start, vaddr_t end)
{
    if (!QUIRE_DEBUG)
        return -EPERM;
    for (vaddr_t addr = start; addr < end; addr += PAGE_SIZE) {
        pte_t e = mm_lookup(mm, addr);
        struct folio *f = pte_present(e) ? pfn_folio_get(pte_pfn(e)) : NULL; /* NULL for the zero page and holes */
        int err = f ? may_spoil(mm, addr, f) : -ENOMEM;
        if (!err)
            err = break_frame(pte_pfn(e));
        if (f)
            folio_put(f);
        if (err)
            return err;
        if (preempt_point())
            return -EINTR;
    }
    return 0;
}

/* Whether an area shows a hole: a guest's pages are mapped once, and no fault brings them in again. areas_lock held. */
static bool shows_hole(struct mm *mm, vaddr_t start, vaddr_t end)
{
    for (struct vma *vma = area_at_or_above(mm, start); vma && vma->start < end; vma = area_step(vma))
        if (vma->flags & VMA_HOLE)
            return true;
    return false;
}

static bool known(int advice)
{
    switch (advice) {
    case MADV_DONTNEED:
    case MADV_COLD:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_POPULATE_READ:
    case MADV_POPULATE_WRITE:
    case MADV_HWPOISON:
        return true;
    default:
        return false;
    }
}

int mm_madvise(struct mm *mm, vaddr_t addr, size_t len, int advice)
{
    if (!known(advice) || !IS_ALIGNED(addr, PAGE_SIZE) || len > USER_TOP ||
        !user_range_ok(addr, ALIGN_UP(len, PAGE_SIZE)))
        return -EINVAL;
    if (!len)
        return 0;
    vaddr_t end = addr + ALIGN_UP(len, PAGE_SIZE);
    if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
        return populate(mm, addr, end, advice == MADV_POPULATE_WRITE ? ACCESS_WRITE : ACCESS_READ);
    if (advice == MADV_HWPOISON)
        return break_frames(mm, addr, end);
    int err = -EINVAL;
    rwsem_write_lock(&mm->areas_lock);
    if (!areas_cover(mm, addr, end)) {
        err = -ENOMEM;
    } else if (advice == MADV_DONTNEED) {
        err = shows_hole(mm, addr, end) ? -EINVAL : 0;
        if (!err)
            unmap_range(mm, addr, end);
    } else if (advice == MADV_COLD) {
        age_range(mm, addr, end);
        err = 0;
    } else if (advice == MADV_HUGEPAGE) {
        err = set_flags(mm, addr, end, VMA_HUGE, VMA_NOHUGE);
    } else if (advice == MADV_NOHUGEPAGE) {
        err = set_flags(mm, addr, end, VMA_NOHUGE, VMA_HUGE);
    }
    rwsem_write_unlock(&mm->areas_lock);
    return err;
}

/* The end of the range that the empty entry for addr covers: one page, or all that a missing table would translate. */
static vaddr_t behind_gap(struct mm *mm, vaddr_t addr)
{
    unsigned level;

    pt_walk(&mm->root, addr, &level);
    return ALIGN_DOWN(addr, pt_span(level)) + pt_span(level);
}

/*
 * The folio of a shared page that isn't mapped at addr, with a reference; NULL: no such page. The page may have been
 * written through another mapping. Another CPU that maps it executable here at this moment may have done its
 * maintenance before that store.
 */
static struct folio *shared_folio(const struct vma *vma, vaddr_t addr, pfn_t *pfn)
{
    u64 page = area_page(vma, addr);
    struct folio *f = vma->obj && vma->flags & VMA_SHARED ? memobj_find(vma->obj, page) : NULL;

    if (f)
        *pfn = f->pfn + (page - f->index);
    return f;
}

/*
 * Cache maintenance for up to n bytes of one page at addr. False: there is no page, so nothing was written. A reference
 * keeps the frame meanwhile: it isn't freed, and doesn't go back to a guest and out of the direct map. areas_lock is
 * held, but no page-table lock: so the entry is read again after the reference is taken. A hidden entry still has its
 * frame's number.
 */
static bool sync_page(struct vma *vma, vaddr_t addr, size_t n)
{
    struct mm *mm = vma->mm;
    vaddr_t in_page = addr & (PAGE_SIZE - 1);

    for (;;) {
        unsigned level;
        pte_t above, *entry = pt_walk_inline(&mm->root, addr, &level, &above),
                     raw = level ? above : pte_load_raw(entry);
        pte_t e = level ? pt_lookup(&mm->root, addr) : pte_load(entry);
        pfn_t pfn = pte_pfn(e);
        struct folio *f = pte_present(e) ? pfn_folio_get(pfn) : shared_folio(vma, addr, &pfn);
        struct insecure_mem *hole = unlikely(!f && pte_present(e)) ? pfn_hole_get(pfn) : NULL;
        bool same = likely(pte_same(pte_load_raw(entry), raw));
        if (same && (f || hole))
            icache_clean(mm, (vaddr_t)pfn_address(pfn) + in_page, (vaddr_t)pfn_address(pfn) + in_page + n);
        if (f)
            folio_put(f);
        if (unlikely(hole))
            hole_put(hole);
        if (same)
            return f || pte_present(e);
    }
}

/* Where to go on after a missing page: at the next page that the object has, or behind the empty entry. */
static vaddr_t behind_nothing(struct vma *vma, vaddr_t addr)
{
    if (!vma->obj)
        return behind_gap(vma->mm, addr);
    u64 page = area_page(vma, addr), next = memobj_next(vma->obj, page + 1);
    return next - page > (vma->end - addr) >> PAGE_SHIFT ? vma->end
                                                         : ALIGN_DOWN(addr, PAGE_SIZE) + ((next - page) << PAGE_SHIFT);
}

int mm_cache_sync(struct mm *mm, vaddr_t addr, size_t len)
{
    if (!user_range_ok(addr, len))
        return -EINVAL;
    if (ICACHE_COHERENT || !len)
        return 0;
    vaddr_t end = addr + len;
    bool killed = false;
    rwsem_read_lock(&mm->areas_lock);
    for (struct vma *vma = area_at_or_above(mm, addr); vma && vma->start < end && !killed; vma = area_next(vma)) {
        vaddr_t stop = MIN(end, vma->end), next;
        for (vaddr_t at = MAX(addr, vma->start); at < stop && !killed; at = next) {
            next = MIN(ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE, stop);
            if (!sync_page(vma, at, next - at) && (!vma->obj || vma->flags & VMA_SHARED))
                next = MIN(behind_nothing(vma, at), stop);
            killed = preempt_point();
        }
    }
    rwsem_read_unlock(&mm->areas_lock);
    icache_publish(mm);
    return killed ? -EINTR : 0;
}
