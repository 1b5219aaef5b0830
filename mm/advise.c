/* SPDX-License-Identifier: MIT */
/* Hints and requests about ranges of an address space: madvise and cache_sync. */
#include <quire/cacheflush.h>
#include <quire/errno.h>
#include <quire/mm.h>
#include <quire/mm_upcalls.h>
#include <quire/poison.h>

static int set_flags(struct mm *mm, vaddr_t start, vaddr_t end, unsigned set, unsigned clear)
{
    int err = areas_cut(mm, start, end);

    for (struct vma *vma = area_find(mm, start); !err && vma && vma->start < end; vma = area_next(vma))
        vma->flags = (vma->flags & ~clear) | set;
    return err;
}

/* Every page of the range is brought in as if it were accessed, but no stack grows. */
static int populate(struct mm *mm, vaddr_t start, vaddr_t end, unsigned access)
{
    rwsem_read_lock(&mm->areas_lock);
    bool covered = areas_cover(mm, start, end);
    rwsem_read_unlock(&mm->areas_lock);
    if (!covered)
        return -ENOMEM;
    for (vaddr_t addr = start; addr < end; addr += PAGE_SIZE) {
        pte_t e = mm_lookup(mm, addr);
        if (pte_present(e) && pte_accessible(e) && (access != ACCESS_WRITE || pte_write(e)))
            continue;
        int err = mm_fault(mm, addr, access);
        if (err)
            return err == -EFAULT ? -ENOMEM : err == -ENXIO ? -EFAULT : err;
        preempt_point();
    }
    return 0;
}

/* The frames behind these pages break: for tests of what happens then, and for people who want to see it. */
static int break_frames(struct mm *mm, vaddr_t start, vaddr_t end)
{
    if (!QUIRE_DEBUG)
        return -EPERM;
    for (vaddr_t addr = start; addr < end; addr += PAGE_SIZE) {
        pte_t e = mm_lookup(mm, addr);
        struct folio *f = pte_present(e) ? pfn_folio_get(pte_pfn(e)) : NULL; /* not the zero page, not a hole */
        int err = f ? memory_failure(pte_pfn(e)) : -ENOMEM;
        if (f)
            folio_put(f);
        if (err)
            return err;
    }
    return 0;
}

int mm_madvise(struct mm *mm, vaddr_t addr, size_t len, int advice)
{
    if (!IS_ALIGNED(addr, PAGE_SIZE) || len > USER_TOP || !user_range_ok(addr, ALIGN_UP(len, PAGE_SIZE)))
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
        unmap_range(mm, addr, end);
        err = 0;
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

/* Where the entry that says "nothing" about addr stops saying so: a page, or as much as a whole missing table shows. */
static vaddr_t behind_gap(struct mm *mm, vaddr_t addr)
{
    unsigned level;

    pt_walk(&mm->root, addr, &level);
    return ALIGN_DOWN(addr, pt_span(level)) + pt_span(level);
}

/* Areas stay while it runs: a frame that was unmapped meanwhile could be a guest's, and out of the direct map. */
int mm_cache_sync(struct mm *mm, vaddr_t addr, size_t len)
{
    if (!user_range_ok(addr, len))
        return -EINVAL;
    rwsem_read_lock(&mm->areas_lock);
    for (vaddr_t at = addr, end = addr + len; at < end;) {
        size_t n = MIN(end - at, PAGE_SIZE - (at & (PAGE_SIZE - 1)));
        pte_t e = mm_lookup(mm, at);
        if (pte_present(e)) { /* what isn't there was never written */
            vaddr_t direct = (vaddr_t)pfn_address(pte_pfn(e)) + (at & (PAGE_SIZE - 1));
            flush_icache_range(mm, direct, direct + n);
        }
        at = pte_present(e) ? at + n : behind_gap(mm, at);
        preempt_point();
    }
    rwsem_read_unlock(&mm->areas_lock);
    return 0;
}
