/* SPDX-License-Identifier: MIT */
/*
 * Walking ranges of user page tables in runs: installing, removing, protecting. A run never leaves one
 * level-0 table, and its entries are handled in batches that never leave one folio.
 */
#include <quire/batch.h>
#include <quire/block.h>
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

struct folio *mapped_folio_slow(memdesc_t word)
{
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
        folio_get_mapped(f, n);
        __atomic_fetch_add(&mm->nr_mapped, n, __ATOMIC_RELAXED);
        set_ptes(mm, addr, ptep, pfn_pte(pfn, area_pgprot(vma, prot)), n);
        update_mmu_cache_range(vma, addr, ptep, n);
        if (PT_CONT > 1 && unlikely(n < PT_CONT && folio_nr_pages(f) >= PT_CONT))
            pt_fold(mm, addr, ptep); /* it may have been what a group lacked: a hole that was mended */
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
    if (!ptep)
        return block_at(&mm->root, addr) ? 0 : -ENOMEM;
    return (int)map_entries(vma, addr, ptep, f, first, (unsigned)limit, prot);
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

/* One entry that isn't as most are: poison, nothing, of no folio (nobody counts such a mapping), of a folio with a hole. */
static __noinline unsigned clear_odd(struct tlb_gather *g, vaddr_t addr, pte_t *ptep)
{
    pte_t e = pte_load(ptep);

    if (!pte_present(e)) {
        if (unlikely(pte_poisoned(e)))
            pte_store(ptep, pte_empty(0));
        return 0;
    }
    struct folio *f = mapped_folio(pte_pfn(e));
    clear_ptes(g->mm, addr, ptep, 1);
    tlb_gather_range(g, addr, 1);
    if (f)
        tlb_gather_folio(g, f, 1);
    return f != NULL;
}

/*
 * Clear up to nr entries of one table into the gather; returns how many entries it went over. What there is much of is
 * handled right here, as in fork.
 */
static __noinline unsigned clear_run(struct tlb_gather *g, vaddr_t start, pte_t *ptep, unsigned nr)
{
    const memdesc_t *words = memory.words;
    struct folio_mappings *out = g->folios + g->nr_folios, *const full = g->folios + TLB_GATHER_FOLIOS;
    unsigned mapped = 0;
    pte_t *p = ptep, *end = ptep + nr;

#define ADDR(p) (start + (vaddr_t)((p) - ptep) * PAGE_SIZE)
    while (p < end && out < full) {
        if (pte_is(p, pte_empty(0))) {
            p++;
            continue;
        }
        struct folio *f;
        pte_t e, *run = p, *last = end - p > full - out ? p + (full - out) : end;
        while (p < last && single_frame(words, e = pte_load_raw(p), &f)) {
            mm_event(MM_EVENT_ENTRY_CLEAR, ADDR(p), pte_pfn(e), 1);
            pte_break(p, ADDR(p));
            pte_store(p++, pte_empty(0));
            *out++ = (struct folio_mappings){f, FOLIO_MAPPING};
        }
        mapped += (unsigned)(p - run);
        if (p == last)
            continue;
        e = pte_load(p);
        f = likely(pte_present(e)) ? entry_folio(words, e) : NULL;
        pte_t *next = p;
        if (likely(f)) {
            u64 left = f->pfn + folio_nr_pages(f) - pte_pfn(e);
            next = clear_alike(g->mm, ADDR(p), p, left < (u64)(end - p) ? p + left : end, e);
            u64 n = (u64)(next - p);
            mm_event(MM_EVENT_ENTRY_CLEAR, ADDR(p), pte_pfn(e), n);
            *out = (struct folio_mappings){f, n * FOLIO_MAPPING};
            out += n > 0;
            mapped += (unsigned)n;
        }
        if (unlikely(next == p)) {
            g->nr_folios = (unsigned)(out - g->folios);
            mapped += clear_odd(g, ADDR(p), p);
            out = g->folios + g->nr_folios;
            next = p + 1;
        }
        p = next;
    }
#undef ADDR
    nr = (unsigned)(p - ptep);
    if (mapped)
        tlb_gather_range(g, start, nr);
    counter_inc(COUNTER_CLEAR_CALLS);
    counter_add(COUNTER_CLEAR_ENTRIES, mapped);
    g->nr_folios = (unsigned)(out - g->folios);
    __atomic_fetch_sub(&g->mm->nr_mapped, mapped, __ATOMIC_RELAXED);
    return nr;
}

/* The same for an area that shows a hole. */
static unsigned clear_hole_run(struct tlb_gather *g, struct insecure_mem *hole, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    pte_t e = pte_load(ptep);

    if (!pte_present(e))
        return 1;
    unsigned n = folio_pte_batch(ptep, e, nr, hole->first + hole->nr);
    clear_ptes(g->mm, addr, ptep, n);
    tlb_gather_range(g, addr, n);
    tlb_gather_hole(g, hole, n);
    __atomic_fetch_sub(&g->mm->nr_mapped, n, __ATOMIC_RELAXED);
    return n;
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

/* The entries of one area's part [start, end) into the gather, which is ended whenever it is full. */
static void clear_area(struct tlb_gather *g, struct vma *vma, vaddr_t start, vaddr_t end)
{
    for (vaddr_t addr = start, next; addr < end; addr = next) {
        unsigned nr;
        pte_t *ptep = next_run(vma->mm, addr, end, &nr, &next), *block = ptep ? NULL : block_at(&vma->mm->root, addr);
        if (unlikely(block)) {
            if (next - addr < BLOCK_BYTES || !block_clear(g, addr, block)) {
                block_split(vma->mm, addr, block);
                next = addr; /* again, page by page */
            }
            if (tlb_gather_full(g))
                tlb_gather_end(g);
        }
        if (!ptep)
            continue;
        spinlock_t *lock = pt_lock(ptep);
        for (unsigned done = 0; done < nr;) {
            vaddr_t at = addr + done * PAGE_SIZE;
            spin_lock(lock);
            done += vma->flags & VMA_HOLE ? clear_hole_run(g, vma->hole, at, ptep + done, nr - done)
                                          : clear_run(g, at, ptep + done, nr - done);
            spin_unlock(lock);
            if (tlb_gather_full(g)) {
                tlb_gather_end(g);
                preempt_point();
            }
        }
    }
}

void unmap_range(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct tlb_gather g;

    tlb_gather_begin(&g, mm);
    for (struct vma *vma = area_at_or_above(mm, start); vma && vma->start < end; vma = area_next(vma))
        clear_area(&g, vma, MAX(start, vma->start), MIN(end, vma->end));
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

/* Tables lie under areas, so each area's range, once it is gone, is where to look for some that nobody needs now. */
void unmap_all(struct mm *mm)
{
    struct tlb_gather g;
    struct tree_node *node;

    tlb_gather_begin(&g, mm);
    while ((node = tree_first(&mm->areas)) != NULL) {
        struct vma *vma = container_of(node, struct vma, node);
        vaddr_t start = vma->start, end = vma->end;
        clear_area(&g, vma, start, end);
        area_free(vma);
        gather_tables(&g, paddr_address(mm->root.table), PT_LEVELS - 1, 0, start, end);
    }
    tlb_gather_end(&g);
}

/* --- protecting -------------------------------------------------------------------------------- */
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
        pte_t *ptep = next_run(mm, addr, MIN(end, vma->end), &nr, &next), *block = ptep ? NULL : block_at(&mm->root, addr);
        if (unlikely(block) && !block_protect(&g, vma, addr, block, prot))
            next = addr; /* again, page by page */
        if (!ptep)
            continue;
        spinlock_t *lock = pt_lock(ptep);
        if (prot & PROT_EXEC)
            prepare_exec(vma, ptep, nr);
        spin_lock(lock);
        /* Write permission is never given here: a private page may be shared, the fault decides. */
        protect_ptes(mm, addr, ptep, nr, area_pgprot(vma, prot));
        spin_unlock(lock);
        tlb_gather_range(&g, addr, nr);
    }
    tlb_gather_end(&g);
}

/* --- ageing ------------------------------------------------------------------------------------ */
u64 age_range(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct tlb_gather g;
    u64 young = 0;

    tlb_gather_begin(&g, mm);
    for (struct vma *vma = area_at_or_above(mm, start); vma && vma->start < end; vma = area_next(vma)) {
        for (vaddr_t addr = MAX(start, vma->start), next; addr < MIN(end, vma->end); addr = next) {
            unsigned nr;
            pte_t *ptep = next_run(mm, addr, MIN(end, vma->end), &nr, &next), *block = ptep ? NULL : block_at(&mm->root, addr);
            if (unlikely(block)) { /* how much of a block is used shows only in pages */
                block_split(mm, addr, block);
                next = addr;
            }
            if (!ptep)
                continue;
            spinlock_t *lock = pt_lock(ptep);
            spin_lock(lock);
            unsigned found = age_ptes(mm, addr, ptep, nr);
            spin_unlock(lock);
            if (found)
                tlb_gather_range(&g, addr, nr);
            young += found;
        }
    }
    tlb_gather_end(&g);
    return young;
}
