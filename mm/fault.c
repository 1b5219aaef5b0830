/* SPDX-License-Identifier: MIT */
/*
 * Page faults: bring in what an area says should be there. All run under mm->areas_lock for reading, so
 * several CPUs may fault in one address space; the page-table lock decides who is first, and the loser finds
 * the entry present and returns "try again".
 */
#include <quire/block.h>
#include <quire/buddy.h>
#include <quire/cacheflush.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/mm_event.h>
#include <quire/poison.h>
#include <quire/quota.h>
#include <quire/string.h>
#include <quire/tlb.h>

#define DEFAULT_ORDER 4      /* 64 KiB */
#define FAULT_AROUND_PAGES 16


/* The largest order up to the default whose block around addr lies in the area and is empty so far. */
static unsigned anon_order(const struct vma *vma, vaddr_t addr, const pte_t *ptep)
{
    if (vma->flags & VMA_NOHUGE)
        return 0;
    for (unsigned order = DEFAULT_ORDER; order > 0; order--) {
        size_t size = PAGE_SIZE << order;
        vaddr_t start = ALIGN_DOWN(addr, size);
        if (start < vma->start || start + size > vma->end)
            continue;
        const pte_t *entry = ptep - ((addr - start) >> PAGE_SHIFT);
        unsigned n = 0;
        while (n < 1u << order && pte_none(pte_load(entry + n)))
            n++;
        if (n == 1u << order)
            return order;
    }
    return 0;
}

static struct folio *try_folio(struct vma *vma, struct quota *quota, unsigned order, unsigned flags)
{
    if (unlikely(!quota_charge(quota, 1UL << order)))
        return NULL;
    struct folio *f = folio_alloc(order, flags);
    if (unlikely(!f)) {
        quota_uncharge(quota, 1UL << order);
        return NULL;
    }
    f->quota = quota;
    memobj_get(vma->anon);
    f->owner = vma->anon;
    return f;
}

/* A folio of at most `order`, charged, owned by the area's anonymous object. NULL: no memory. */
static struct folio *anon_folio(struct vma *vma, vaddr_t addr, unsigned *order, unsigned flags)
{
    struct quota *quota = vma->mm->quota;
    struct folio *f;

    if (area_ensure_anon(vma))
        return NULL;
    while (unlikely(!(f = try_folio(vma, quota, *order, flags))))
        if ((*order)-- == 0)
            return NULL;
    f->index = addr >> PAGE_SHIFT >> *order << *order;
    return f;
}

static int fault_anon(struct vma *vma, vaddr_t addr, pte_t *ptep)
{
    unsigned order = anon_order(vma, addr, ptep);
    struct folio *f = anon_folio(vma, addr, &order, FOLIO_ZERO);

    if (!f)
        return -ENOMEM;
    vaddr_t start = ALIGN_DOWN(addr, PAGE_SIZE << order);
    if (unlikely(!map_fresh(vma, start, ptep - ((addr - start) >> PAGE_SHIFT), f)))
        folio_put(f); /* another CPU was faster */
    counter_inc(COUNTER_FAULT_ANON);
    return 0;
}

/* Map the pages around addr that the object's folio at that place has, up to 64 KiB. */
static __noinline int fault_object(struct vma *vma, vaddr_t addr, unsigned access)
{
    bool private = !(vma->flags & VMA_SHARED);
    u64 page = area_page(vma, addr);
    struct folio *f = memobj_folio(vma->obj, page);

    if (!f)
        return page < vma->obj->nr_pages ? -ENOMEM : -EFAULT;
    enum memdesc_type type = memdesc_type(memdesc_read(f->pfn + (page - f->index)));
    if (unlikely(type != MEMDESC_FOLIO)) { /* broken, or in a hole: not to be had through the object */
        folio_put(f);
        return type == MEMDESC_HWPOISON ? -EHWPOISON : -EFAULT;
    }
    /* A private page is mapped read-only first: the write comes back as a copy. */
    unsigned prot = private ? vma->prot & ~(unsigned)PROT_WRITE : vma->prot;
    vaddr_t low = ALIGN_DOWN(addr, FAULT_AROUND_PAGES * PAGE_SIZE);
    low = MAX(low, vma->start);
    u64 low_page = area_page(vma, low);
    if (low_page < f->index) {
        low += (f->index - low_page) << PAGE_SHIFT;
        low_page = f->index;
    }
    u64 nr = FAULT_AROUND_PAGES - (low >> PAGE_SHIFT) % FAULT_AROUND_PAGES;
    int mapped = map_pages(vma->mm, vma, low, f, low_page - f->index, nr, prot);
    if (mapped >= 0 && low + (vaddr_t)mapped * PAGE_SIZE <= addr) /* something in between was there already */
        mapped = map_pages(vma->mm, vma, ALIGN_DOWN(addr, PAGE_SIZE), f, page - f->index, 1, prot);
    folio_put(f);
    counter_inc(COUNTER_FAULT_OBJECT);
    (void)access;
    return mapped < 0 ? mapped : 0;
}

/* The entry still says `old`: replace it. False: it changed meanwhile. "Accessed" may get lost, as in clone.c. */
static bool replace_entry(struct vma *vma, vaddr_t addr, pte_t *ptep, pte_t old, pte_t fresh)
{
    struct mm *mm = vma->mm;
    spinlock_t *lock = pt_lock(ptep);

    spin_lock(lock);
    bool same = pte_same(pte_load(ptep), old);
    if (same) {
#if ARCH_BREAK_BEFORE_MAKE || ARCH_FLUSH_ON_CLEAR
        if (pte_pfn(old) != pte_pfn(fresh)) {
            clear_ptes(mm, addr, ptep, 1);
            tlb_flush_range(mm, addr, 1);
        }
#else
        if (pte_pfn(old) != pte_pfn(fresh))
            mm_event(MM_EVENT_ENTRY_CLEAR, addr, pte_pfn(old), 1);
#endif
#if ARCH_FLUSH_ON_CLEAR
        if (pte_pfn(old) == pte_pfn(fresh))
            arch_pte_invalidate(ptep, addr);
#endif
        set_ptes(mm, addr, ptep, fresh, 1);
        update_mmu_cache_range(vma, addr, ptep, 1);
    }
    spin_unlock(lock);
    return same;
}

/* All references are this address space's own mappings: nobody else can see the write. */
static bool exclusively_ours(const struct vma *vma, const struct folio *f)
{
    return f->owner && f->owner == vma->anon && folio_ref_count(f) == folio_map_count(f) &&
           vma->anon->areas.next == vma->anon->areas.prev && f->order == 0;
}

/* A write to a present, read-only entry of a private area. */
static __noinline int fault_write(struct vma *vma, vaddr_t addr, pte_t *ptep, pte_t old)
{
    struct mm *mm = vma->mm;
    vaddr_t page = ALIGN_DOWN(addr, PAGE_SIZE);
    pgprot_t prot = area_pgprot(vma, vma->prot);
    struct folio *f = mapped_folio(pte_pfn(old));

    if (vma->flags & VMA_SHARED || (f && exclusively_ours(vma, f))) {
        if (replace_entry(vma, page, ptep, old, pfn_pte(pte_pfn(old), prot)))
            tlb_flush_range(mm, page, 1);
        counter_inc(COUNTER_FAULT_REUSE);
        return 0;
    }
    unsigned order = 0;
    struct folio *copy = anon_folio(vma, page, &order, 0);
    if (!copy)
        return -ENOMEM;
    memcpy(folio_address(copy), pfn_address(pte_pfn(old)), PAGE_SIZE);
    if (vma->prot & PROT_EXEC)
        flush_icache_pages(vma, copy->pfn, 1);
    folio_add_mappings(copy, 1); /* its one reference becomes the mapping's */
    if (!replace_entry(vma, page, ptep, old, pfn_pte(copy->pfn, prot))) {
        folio_remove_mappings(copy, 1);
        folio_put(copy);
        return 0;
    }
    tlb_flush_range(mm, page, 1);
    if (f) {
        folio_remove_mappings(f, 1);
        folio_put(f);
    } else {
        __atomic_fetch_add(&mm->nr_mapped, 1, __ATOMIC_RELAXED); /* the zero page isn't counted */
    }
    counter_inc(COUNTER_FAULT_COW);
    return 0;
}

static __noinline int fault_present(struct vma *vma, vaddr_t addr, unsigned access, pte_t *ptep, pte_t e)
{
    if (access == ACCESS_WRITE && !pte_write(e))
        return fault_write(vma, addr, ptep, e);
    pte_t want = pte_mkyoung(access == ACCESS_WRITE ? pte_mkdirty(e) : e);
    if (!pte_same(want, e)) /* a machine that leaves accessed and dirty to us */
        replace_entry(vma, ALIGN_DOWN(addr, PAGE_SIZE), ptep, e, want);
    /* The entry was good: this CPU still held an older one. */
    tlb_flush_local(&vma->mm->root, ALIGN_DOWN(addr, PAGE_SIZE), 1);
    counter_inc(COUNTER_FAULT_SPURIOUS);
    return 0;
}

/* An object's folio that is large enough, as a block. 0: it is mapped; 1: pages. */
static int fault_object_block(struct vma *vma, vaddr_t addr)
{
    u64 page = area_page(vma, addr), in_block = (addr >> PAGE_SHIFT) % BLOCK_FRAMES;
    struct folio *f = memobj_folio(vma->obj, page);
    unsigned prot = vma->flags & VMA_SHARED ? vma->prot : vma->prot & ~(unsigned)PROT_WRITE;

    if (!f)
        return 1;
    int err = 1;
    if (f->order >= BLOCK_ORDER && page - f->index >= in_block)
        err = map_block(vma, addr, f, page - f->index - in_block, prot);
    folio_put(f);
    if (!err)
        counter_inc(COUNTER_FAULT_OBJECT);
    return err;
}

/* Anonymous memory that wants blocks. 0: mapped; 1: pages, of smaller folios that may be had. */
static int fault_anon_block(struct vma *vma, vaddr_t addr)
{
    struct folio *f = area_ensure_anon(vma) ? NULL : try_folio(vma, vma->mm->quota, BLOCK_ORDER, FOLIO_ZERO);

    if (!f)
        return 1;
    f->index = ALIGN_DOWN(addr, BLOCK_BYTES) >> PAGE_SHIFT;
    int err = map_block(vma, addr, f, 0, vma->prot);
    folio_put(f);
    if (!err)
        counter_inc(COUNTER_FAULT_ANON);
    return err;
}

/* Where no table of pages is: a block, there or to be made. 0, 1: pages, an error. */
static __noinline int fault_above_pages(struct vma *vma, vaddr_t addr, unsigned access, pte_t *entry, unsigned level)
{
    if (level == 1 && pde_leaf(pte_load_raw(entry), 1))
        return block_fault(vma, addr, access, entry);
    if (vma->flags & VMA_HOLE || !block_in_area(vma, addr))
        return 1;
    if (vma->obj)
        return fault_object_block(vma, addr);
    return vma->flags & VMA_HUGE ? fault_anon_block(vma, addr) : 1;
}

static int fault_in_area(struct vma *vma, vaddr_t addr, unsigned access)
{
    if (!(vma->prot & access))
        return -EACCES;
    unsigned level;
    pte_t *ptep = pt_walk(&vma->mm->root, addr, &level);
    if (unlikely(level > 0)) {
        int err = fault_above_pages(vma, addr, access, ptep, level);
        if (err <= 0)
            return err;
        ptep = pt_ensure(vma->mm, addr, 0);
        if (!ptep) /* or a block has come there: the next fault sees it */
            return block_at(&vma->mm->root, addr) ? 0 : -ENOMEM;
    }
    pte_t e = pte_load(ptep);
    if (pte_present(e))
        return fault_present(vma, addr, access, ptep, e);
    if (unlikely(pte_poisoned(e)))
        return -EHWPOISON;
    if (vma->flags & VMA_HOLE)
        return -EFAULT; /* the guest took it back */
    return vma->obj ? fault_object(vma, addr, access) : fault_anon(vma, addr, ptep);
}

int mm_fault(struct mm *mm, vaddr_t addr, unsigned access)
{
    if (addr >= USER_TOP)
        return -EFAULT;
    rwsem_read_lock(&mm->areas_lock);
    struct vma *vma = area_find(mm, addr);
    int err = vma ? fault_in_area(vma, addr, access) : -EFAULT;
    rwsem_read_unlock(&mm->areas_lock);
    if (unlikely(err)) {
        counter_inc(COUNTER_FAULT_BAD);
        counter_add(COUNTER_FAULT_BUS, err == -EHWPOISON);
    }
    return err;
}
