/* SPDX-License-Identifier: MIT */
/*
 * Writes to pages that are mapped read-only: reuse or copy (copy-on-write), and faults that need no change.
 *
 * A folio may be written in place if every reference to it is a mapping of this address space: then nobody else can
 * see the write. Under the page-table lock the check is exact. A folio of 2^order frames is aligned in memory and in
 * the address space, so all its entries here lie in one table and can't change meanwhile. Another address space could
 * get an entry only by a fork of this one, which needs mm->areas_lock for writing. Every other reference is counted.
 *
 * Shared memory is copied page by page, also out of a large folio: docs/performance.md has the figures.
 */
#include "fault.h"
#include <quire/cacheflush.h>
#include <quire/errno.h>
#include <quire/folio_trim.h>
#include <quire/string.h>
#include <quire/tlb.h>

/* Whether all references are mappings or hole marks in this table. `first`: the entry for the folio's first page. */
static bool all_references_ours(const pte_t *first, const struct folio *f, u32 refs)
{
    u32 mappings = 0, marks = 0;

    for (unsigned i = 0; i < folio_nr_pages(f); i++) {
        pte_t e = pte_load(first + i);
        if (pte_pfn(e) != f->pfn + i)
            continue;
        mappings += pte_present(e);
        marks += pte_is_hole_mark(e);
    }
    return refs == mappings + marks && (u32)folio_map_count(f) == mappings;
}

/* Page-table lock held; the entry for addr maps a frame of f. */
static inline bool exclusively_ours(const struct vma *vma, vaddr_t addr, const pte_t *ptep, const struct folio *f)
{
    u32 refs = (u32)folio_ref_count(f);

    if (f->order == 0)
        return refs == 1 && folio_map_count(f) == 1;
    return f->owner && f->owner == vma->anon && refs <= folio_nr_pages(f) &&
           all_references_ours(ptep - ((addr >> PAGE_SHIFT) - f->index), f, refs);
}

/* The frame stays the same, so a CPU that still has the old entry only faults again. */
static __always_inline void allow_write(struct vma *vma, vaddr_t addr, pte_t *ptep, pte_t old, bool lone)
{
    pte_t fresh = pte_mkwrite(pte_mkdirty(pte_mkyoung(old))); /* has all bits that the hardware sets: none gets lost */
    if (!lone)
        pt_isolate(vma->mm, addr, ptep, 1); /* a group is undone before one of its entries is invalidated */
    pte_break(ptep, addr);
    if (lone)
        set_lone_pte(vma->mm, addr, ptep, fresh);
    else
        set_pte_at(vma->mm, addr, ptep, fresh);
}

/* For all of a private folio's entries in this area; in shared memory only for this entry. Page-table lock held. */
static __noinline void allow_write_run(struct vma *vma, vaddr_t addr, pte_t *ptep, pte_t old, const struct folio *f)
{
    if (vma->flags & VMA_SHARED) {
        allow_write(vma, addr, ptep, old, false);
        return;
    }
    vaddr_t first = f->index << PAGE_SHIFT, start = MAX(first, vma->start);
    vaddr_t end = MIN(first + folio_size(f), vma->end);

    for (vaddr_t at = start; at < end; at += PAGE_SIZE) {
        pte_t *entry = ptep + ((s64)(at - addr) >> PAGE_SHIFT), e = pte_load(entry);
        if (pte_present(e) && !pte_write(e) && pte_pfn(e) == f->pfn + ((at - first) >> PAGE_SHIFT))
            allow_write(vma, at, entry, e, false);
    }
    pt_fold(vma->mm, addr, ptep); /* the entries are alike again: they may be a group */
}

/*
 * Publishes the copy and maps it at addr, if the entry still maps the old frame. The entry is hidden and flushed first,
 * also on machines that don't require it: otherwise one CPU could write to the new frame while another still reads the
 * old one.
 */
static bool change_frame(struct vma *vma, vaddr_t addr, pte_t *ptep, pte_t old, struct folio *copy)
{
    struct mm *mm = vma->mm;
    spinlock_t *lock = pt_lock(ptep);

    spin_lock(lock);
    pte_t now = pte_load(ptep);
    bool same = pte_present(now) && pte_pfn(now) == pte_pfn(old) && !pte_write(now);
    if (same) {
        hide_ptes(mm, addr, ptep, 1);
        tlb_flush_range(mm, addr, 1);
        folio_publish(copy, FOLIO_MAPPING);
        set_ptes(mm, addr, ptep, pfn_pte(copy->pfn, area_pgprot(vma->prot)), 1);
        update_mmu_cache_range(vma, addr, ptep, 1);
    }
    spin_unlock(lock);
    return same;
}

/* Gives the page a frame of its own. `f` is the shared folio; the caller's reference to it is dropped. */
static __noinline int copy_page(struct vma *vma, vaddr_t addr, pte_t *ptep, pte_t old, struct folio *f)
{
    struct folio *copy = anon_page(vma, addr, 0);
    int err = -ENOMEM;

    if (copy) {
        memcpy(folio_address(copy), pfn_address(pte_pfn(old)), PAGE_SIZE);
        if (change_frame(vma, addr, ptep, old, copy)) {
            folio_note_partial(f, 1);
            folio_put_mapped(f, 1);
            counter_inc(COUNTER_FAULT_COW);
        } else {
            folio_free(copy);
        }
        err = 0;
    }
    folio_put(f);
    return err;
}

__noinline int fault_write(struct vma *vma, vaddr_t addr, pte_t *ptep, pte_t old)
{
    bool shared = vma->flags & VMA_SHARED;
    spinlock_t *lock = pt_lock(ptep);

    addr = ALIGN_DOWN(addr, PAGE_SIZE);
    spin_lock(lock);
    if (unlikely(!pte_same(pte_load(ptep), old))) {
        spin_unlock(lock);
        return 0;
    }
    struct folio *f = mapped_folio(pte_pfn(old)); /* under the lock, the entry keeps the folio */
    if (unlikely(!f && !shared)) {
        spin_unlock(lock);
        return fault_zero_write(vma, addr, ptep);
    }
    if (likely(shared || exclusively_ours(vma, addr, ptep, f))) {
        if (likely(!shared && f->order == 0))
            allow_write(vma, addr, ptep, old, true);
        else
            allow_write_run(vma, addr, ptep, old, f);
        spin_unlock(lock);
        /* Only this CPU has to forget "read-only" now; on other CPUs a write faults and finds nothing to do. */
        arch_tlb_flush_page(&vma->mm->root, addr);
        counter_inc(COUNTER_FLUSH_LOCAL);
        counter_inc(COUNTER_FAULT_REUSE);
        return 0;
    }
    folio_get(f); /* if somebody punches a hole meanwhile, the mapping's reference is gone */
    spin_unlock(lock);
    return copy_page(vma, addr, ptep, old, f);
}

static pte_t used(pte_t e, unsigned access) { return pte_mkyoung(access == ACCESS_WRITE ? pte_mkdirty(e) : e); }

/* Sets "accessed", and "dirty" for a write, on machines whose hardware doesn't. */
static void mark_used(struct mm *mm, pte_t *ptep, vaddr_t addr, unsigned access)
{
    spinlock_t *lock = pt_lock(ptep);

    spin_lock(lock);
    pte_t e = pte_load_raw(ptep), want;
    if (!pte_same(e, used(e, access)))
        pt_isolate(mm, addr, ptep, 1); /* the entries of an aged group differ from now on */
    e = pte_load_raw(ptep);
    do {
        want = used(e, access);
        if (!pte_present(e) || pte_same(e, want) || (access == ACCESS_WRITE && !pte_write(e)))
            break;
#if ARCH_FLUSH_ON_CLEAR
        arch_pte_invalidate(ptep, addr);
        pte_store(ptep, want);
        break;
#endif
    } while (!pte_cmpxchg(ptep, &e, want));
    (void)addr;
    spin_unlock(lock);
}

/*
 * The entry isn't empty, and write permission isn't the problem: it is a mark, or another CPU has mended the entry.
 */
__noinline int fault_present(struct vma *vma, vaddr_t addr, unsigned access, pte_t *ptep, pte_t e)
{
    if (!pte_present(e))
        return pte_is_hole_mark(e) ? fault_hole_mark(vma, addr, ptep, e) : -EHWPOISON;
    addr = ALIGN_DOWN(addr, PAGE_SIZE);
    mark_used(vma->mm, ptep, addr, access);
    tlb_flush_local(&vma->mm->root, addr, 1);
    counter_inc(COUNTER_FAULT_SPURIOUS);
    return 0;
}
