/* SPDX-License-Identifier: MIT */
/*
 * Walking ranges of user page tables in runs: installing, removing, protecting. A run never leaves one
 * level-0 table, and its entries are handled in batches that never leave one folio.
 */
#include <quire/cacheflush.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/mm_event.h>
#include <quire/mm_upcalls.h>
#include <quire/poison.h>
#include <quire/tlb.h>

struct folio *mapped_folio(pfn_t pfn)
{
    memdesc_t word = memdesc_read(pfn);

    if (memdesc_type(word) == MEMDESC_HWPOISON)
        word = ((struct hwpoison *)memdesc_pointer(word))->saved;
    if (memdesc_type(word) == MEMDESC_HOLE)
        word = ((struct insecure_mem *)memdesc_pointer(word))->saved;
    return memdesc_type(word) == MEMDESC_FOLIO ? memdesc_pointer(word) : NULL;
}

/* --- installing -------------------------------------------------------------------------------- */
/* How many frames from pfn on still have this word: a hole or poison ends a batch. */
static unsigned same_word(pfn_t pfn, unsigned nr, memdesc_t word)
{
    unsigned n = 0;
    while (n < nr && memdesc_read(pfn + n) == word)
        n++;
    return n;
}

static unsigned empty_run(const pte_t *ptep, unsigned nr)
{
    unsigned n = 0;
    while (n < nr && pte_none(pte_load(ptep + n)))
        n++;
    return n;
}

unsigned map_entries(struct vma *vma, vaddr_t addr, pte_t *ptep, struct folio *f, size_t first, unsigned nr,
                     unsigned prot)
{
    struct mm *mm = vma->mm;
    pfn_t pfn = f->pfn + first;

    if (prot & PROT_EXEC)
        flush_icache_pages(vma, pfn, nr);
    spinlock_t *lock = pt_lock(ptep);
    spin_lock(lock);
    unsigned n;
    if (nr == 1)
        n = !pte_present(pte_load(ptep)) && memory.words[pfn] == folio_word(f);
    else /* the words again, now that nobody can map behind a punch's back */
        n = same_word(pfn, empty_run(ptep, nr), folio_word(f));
    if (n) {
        folio_get_many(f, n); /* references before mappings: refs >= map_count at all times */
        folio_add_mappings(f, n);
        __atomic_fetch_add(&mm->nr_mapped, n, __ATOMIC_RELAXED);
        set_ptes(mm, addr, ptep, pfn_pte(pfn, area_pgprot(vma, prot)), n);
        update_mmu_cache_range(vma, addr, ptep, n);
    }
    spin_unlock(lock);
    return n;
}

/* The most frequent case of all, one frame of anonymous memory, without anything that a single entry needn't. */
bool map_fresh_page(struct vma *vma, vaddr_t addr, pte_t *ptep, struct folio *f)
{
    spinlock_t *lock = pt_lock(ptep);

    spin_lock(lock);
    bool empty = !pte_present(pte_load(ptep));
    if (likely(empty)) {
        f->map_count = 1; /* the caller's reference becomes the mapping's */
        __atomic_fetch_add(&vma->mm->nr_mapped, 1, __ATOMIC_RELAXED);
        set_pte_at(vma->mm, addr, ptep, pfn_pte(f->pfn, area_pgprot(vma, vma->prot)));
        arch_pt_publish();
    }
    spin_unlock(lock);
    return empty;
}

bool map_fresh_run(struct vma *vma, vaddr_t addr, pte_t *ptep, struct folio *f)
{
    if (unlikely(vma->prot & PROT_EXEC))
        flush_icache_pages(vma, f->pfn, 1u << f->order);
    unsigned nr = 1u << f->order;
    spinlock_t *lock = pt_lock(ptep);
    spin_lock(lock);
    bool empty = empty_run(ptep, nr) == nr;
    if (likely(empty)) {
        f->refs = nr; /* nobody else knows the folio: the caller's reference becomes the first mapping's */
        f->map_count = nr;
        __atomic_fetch_add(&vma->mm->nr_mapped, nr, __ATOMIC_RELAXED);
        set_ptes(vma->mm, addr, ptep, pfn_pte(f->pfn, area_pgprot(vma, vma->prot)), nr);
        update_mmu_cache_range(vma, addr, ptep, nr);
    }
    spin_unlock(lock);
    return empty;
}

int map_pages(struct mm *mm, struct vma *vma, vaddr_t addr, struct folio *f, size_t first, size_t nr, unsigned prot)
{
    size_t limit = MIN(nr, (vma->end - addr) >> PAGE_SHIFT);
    limit = MIN(limit, PT_ENTRIES(0) - pt_index(addr, 0));
    limit = MIN(limit, folio_nr_pages(f) - first);

    pte_t *ptep = pt_ensure(mm, addr, 0);
    return ptep ? (int)map_entries(vma, addr, ptep, f, first, (unsigned)limit, prot) : -ENOMEM;
}

int map_hole_entries(struct vma *vma)
{
    struct insecure_mem *h = vma->hole;
    u32 done = 0;

    while (done < h->nr) {
        vaddr_t addr = vma->start + (vaddr_t)done * PAGE_SIZE;
        pte_t *ptep = pt_ensure(vma->mm, addr, 0);
        if (!ptep)
            return -ENOMEM;
        u32 n = (u32)MIN((u64)(h->nr - done), PT_ENTRIES(0) - pt_index(addr, 0));
        spinlock_t *lock = pt_lock(ptep);
        spin_lock(lock);
        __atomic_fetch_add(&h->refs, n, __ATOMIC_RELAXED);
        __atomic_fetch_add(&h->map_count, n, __ATOMIC_RELAXED);
        __atomic_fetch_add(&vma->mm->nr_mapped, n, __ATOMIC_RELAXED);
        set_ptes(vma->mm, addr, ptep, pfn_pte(h->first + done, area_pgprot(vma, vma->prot)), n);
        update_mmu_cache_range(vma, addr, ptep, n);
        spin_unlock(lock);
        done += n;
    }
    return 0;
}

/* --- runs -------------------------------------------------------------------------------------- */
/*
 * The level-0 entries for [addr, end) as far as one table holds them. NULL: there is no table; *next is where
 * the next one may begin. Otherwise *nr entries.
 */
static pte_t *next_run(struct mm *mm, vaddr_t addr, vaddr_t end, unsigned *nr, vaddr_t *next)
{
    unsigned level;
    pte_t *entry = pt_walk(&mm->root, addr, &level);
    vaddr_t span = pt_span(level ? level : 1);

    *next = MIN(end, ALIGN_DOWN(addr, span) + span);
    *nr = (unsigned)((*next - addr) >> PAGE_SHIFT);
    return level ? NULL : entry;
}

/* Clear up to nr entries of one table into the gather; returns how many entries it went over. */
static unsigned clear_run(struct tlb_gather *g, struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    struct mm *mm = g->mm;
    unsigned i = 0;

    while (i < nr && !tlb_gather_full(g)) {
        pte_t e = pte_load(ptep + i);
        if (!pte_present(e)) {
            if (unlikely(pte_poisoned(e)))
                pte_store(ptep + i, pte_empty(0));
            i++;
            continue;
        }
        pfn_t pfn = pte_pfn(e);
        struct insecure_mem *hole = vma && vma->flags & VMA_HOLE ? vma->hole : NULL;
        struct folio *f = hole ? NULL : mapped_folio(pfn);
        unsigned n = folio_pte_batch(ptep + i, e, nr - i, hole ? hole->first + hole->nr : f ? f->pfn + folio_nr_pages(f) : pfn + 1);
        clear_ptes(mm, addr + i * PAGE_SIZE, ptep + i, n);
        tlb_gather_range(g, addr + i * PAGE_SIZE, n);
        if (hole)
            tlb_gather_hole(g, hole, n);
        else if (f)
            tlb_gather_folio(g, f, n);
        if (hole || f)
            __atomic_fetch_sub(&mm->nr_mapped, n, __ATOMIC_RELAXED);
        i += n;
    }
    return i;
}

/* Whether no area needs [start, end) any more. */
static bool span_unused(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct vma *vma = area_at_or_above(mm, start);
    return !vma || vma->start >= end;
}

/* Give back tables of `level` that only [from, to) used. Their entries are all empty. */
static void gather_tables(struct tlb_gather *g, pte_t *table, unsigned level, vaddr_t base, vaddr_t from, vaddr_t to)
{
    struct mm *mm = g->mm;
    u64 nr = level == PT_LEVELS - 1 ? PT_TOP_USER_ENTRIES : PT_ENTRIES(level);
    u64 i = from > base ? (from - base) >> PT_SHIFT(level) : 0;

    for (; i < nr && base + i * pt_span(level) < to; i++) {
        pte_t *entry = table + i, e = pte_load(entry);
        vaddr_t start = base + i * pt_span(level), end = start + pt_span(level);
        if (!pde_present(e, level) || pde_leaf(e, level))
            continue;
        pte_t *below = pt_table_of(e, level);
        if (level > 1)
            gather_tables(g, below, level - 1, start, from, to);
        if (!span_unused(mm, start, end))
            continue;
        if (tlb_gather_full(g))
            tlb_gather_end(g);
        spinlock_t *lock = pt_lock(entry);
        spin_lock(lock);
        mm_event(MM_EVENT_ENTRY_CLEAR, start, address_pfn(below), 1);
        pte_store(entry, pte_empty(level));
        spin_unlock(lock);
        tlb_gather_range(g, start, 1);
        tlb_gather_table(g, below);
    }
}

void unmap_range(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct tlb_gather g;

    tlb_gather_begin(&g, mm);
    struct vma *vma = area_at_or_above(mm, start);
    for (vaddr_t addr = start, next; addr < end && vma; addr = next) {
        while (vma && vma->end <= addr)
            vma = area_next(vma);
        if (!vma || vma->start >= end)
            break;
        addr = MAX(addr, vma->start);
        unsigned nr;
        pte_t *ptep = next_run(mm, addr, MIN(end, vma->end), &nr, &next);
        if (!ptep)
            continue;
        spinlock_t *lock = pt_lock(ptep);
        for (unsigned done = 0; done < nr;) {
            spin_lock(lock);
            done += clear_run(&g, vma, addr + done * PAGE_SIZE, ptep + done, nr - done);
            spin_unlock(lock);
            if (tlb_gather_full(&g)) {
                tlb_gather_end(&g);
                preempt_point();
            }
        }
    }
    tlb_gather_end(&g);
}

/*
 * After the areas are gone, so that no reverse-map walk can still be on its way through the tables: it holds
 * the object's lock, and an area leaves its objects' lists under that lock.
 */
void unmap_tables(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct tlb_gather g;

    tlb_gather_begin(&g, mm);
    gather_tables(&g, paddr_address(mm->root.table), PT_LEVELS - 1, 0, start, end);
    tlb_gather_end(&g);
}

/* --- protecting -------------------------------------------------------------------------------- */
static pte_t restrict_entry(pte_t e, unsigned prot, const struct vma *vma)
{
    /* Write permission is never given here: a private page may be shared, the fault decides. */
    unsigned keep = prot & ~(unsigned)PROT_WRITE;
    if ((prot & PROT_WRITE) && pte_write(e))
        keep |= PROT_WRITE;
    pte_t fresh = pfn_pte(pte_pfn(e), area_pgprot(vma, keep));
    return pte_dirty(e) ? pte_mkdirty(fresh) : fresh;
}

static void protect_run(struct tlb_gather *g, struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr, unsigned prot)
{
    struct mm *mm = g->mm;

    for (unsigned i = 0; i < nr; i++) {
        pte_t e = pte_load(ptep + i);
        if (!pte_present(e))
            continue;
        pte_t want = restrict_entry(e, prot, vma);
        if (pte_same(e, want))
            continue;
#if ARCH_FLUSH_ON_CLEAR
        arch_pte_invalidate(ptep + i, addr + i * PAGE_SIZE);
#endif
        set_ptes(mm, addr + i * PAGE_SIZE, ptep + i, want, 1);
        tlb_gather_range(g, addr + i * PAGE_SIZE, 1);
    }
}

/* Pages that become executable; before the page-table lock, which is below the folio's. */
static void prepare_exec(struct vma *vma, const pte_t *ptep, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        pte_t e = pte_load(ptep + i);
        if (pte_present(e) && !pte_exec(e))
            flush_icache_pages(vma, pte_pfn(e), 1);
    }
}

void protect_range(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot)
{
    struct tlb_gather g;

    tlb_gather_begin(&g, mm);
    struct vma *vma = area_find(mm, start);
    for (vaddr_t addr = start, next; addr < end; addr = next) {
        if (vma->end <= addr)
            vma = area_next(vma);
        unsigned nr;
        pte_t *ptep = next_run(mm, addr, MIN(end, vma->end), &nr, &next);
        if (!ptep)
            continue;
        spinlock_t *lock = pt_lock(ptep);
        if (prot & PROT_EXEC)
            prepare_exec(vma, ptep, nr);
        spin_lock(lock);
        protect_run(&g, vma, addr, ptep, nr, prot);
        spin_unlock(lock);
    }
    tlb_gather_end(&g);
}
