/* SPDX-License-Identifier: MIT */
/* Blocks in user space: see <quire/block.h>. */
#include <quire/block.h>
#include <quire/batch.h>
#include <quire/cacheflush.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/space.h>
#include <quire/mm_event.h>
#include <quire/tlb.h>

/* --- the table that goes with a block ---------------------------------------------------------- */
/*
 * The tables are kept in the descriptor of the table that the block's entry lies in. They are chained through their
 * first entries, which withdraw() makes empty again.
 */
static void deposit(pte_t *entry, pte_t *table)
{
    struct ptdesc *pt = pt_descriptor(entry);

    *(pte_t **)table = pt->deposits;
    pt->deposits = table;
}

static pte_t *withdraw(pte_t *entry)
{
    struct ptdesc *pt = pt_descriptor(entry);
    pte_t *table = pt->deposits;

    pt->deposits = *(pte_t **)table;
    table[0] = pte_empty(0);
    return table;
}

/* --- entries ----------------------------------------------------------------------------------- */
static bool is_block(pte_t *entry) { return pde_leaf(pte_load_raw(entry), 1); }

/* The block as a page entry for its first frame, and the reverse. */
static pte_t page_of(pte_t *entry) { return pte_of_block(pte_load_raw(entry), 1, 0); }

static pte_t block_of(pte_t page)
{
    pgprot_t prot = PGPROT_READ | PGPROT_USER | (pte_write(page) ? PGPROT_WRITE : 0) | (pte_exec(page) ? PGPROT_EXEC : 0) |
                    (pte_young(page) ? 0 : PGPROT_OLD) | (pte_dirty(page) ? PGPROT_DIRTY : 0);
    return pfn_block(pte_pfn(page), prot, 1);
}

pte_t *block_at(const struct pt_root *root, vaddr_t addr)
{
    unsigned level;
    pte_t above, *entry = pt_walk_above(root, addr, &level, &above);

    return level == 1 && pde_leaf(above, 1) ? entry : NULL;
}

bool block_in_area(const struct vma *vma, vaddr_t addr)
{
    vaddr_t start = ALIGN_DOWN(addr, BLOCK_BYTES);
    return arch_pt_block_ok(1) && start >= vma->start && vma->end - start >= BLOCK_BYTES;
}

int map_block(struct vma *vma, vaddr_t addr, struct folio *f, size_t first, unsigned prot)
{
    struct mm *mm = vma->mm;
    vaddr_t start = ALIGN_DOWN(addr, BLOCK_BYTES);
    pfn_t pfn = f->pfn + first;

    if (!block_in_area(vma, addr) || !IS_ALIGNED(pfn, BLOCK_FRAMES) || folio_nr_pages(f) - first < BLOCK_FRAMES || !prot)
        return 1;
    pte_t *entry = pt_ensure(mm, start, 1), *table = entry ? pt_table_alloc(mm, 0) : NULL;
    if (!table)
        return -ENOMEM;
    if (prot & PROT_EXEC)
        flush_icache_pages(vma, pfn, BLOCK_FRAMES);
    spinlock_t *lock = pt_lock(entry);
    spin_lock(lock);
    bool ok = !pde_present(pte_load_raw(entry), 1) &&
              (folio_is_whole(f) || memdesc_same(pfn, BLOCK_FRAMES, folio_word(f)) == BLOCK_FRAMES);
    if (ok) {
        deposit(entry, table);
        folio_get_mapped(f, BLOCK_FRAMES);
        __atomic_fetch_add(&mm->nr_mapped, BLOCK_FRAMES, __ATOMIC_RELAXED);
        event_entries_set(mm, start, pfn_pte(pfn, area_pgprot(prot)), BLOCK_FRAMES);
        counter_inc(COUNTER_BLOCK_MAP);
        pte_store(entry, pfn_block(pfn, area_pgprot(prot), 1));
        arch_pt_publish();
    }
    spin_unlock(lock);
    if (!ok)
        pt_table_free(table); /* nobody else has seen the table */
    return ok ? 0 : 1;
}

/* --- splitting --------------------------------------------------------------------------------- */
/*
 * The table is filled and stored hidden in the block's place. After every CPU has forgotten the block, the table is
 * shown to the hardware. All machines do it so: no CPU ever has the block and the pages at once, and no bit that the
 * hardware sets meanwhile is lost (Arm ARM, "Using break-before-make"; Intel SDM 3A 4.10.4.3). An access in between
 * faults until the table is shown. Software sees the block become pages in one step, and never finds an empty entry: a
 * walk without the lock that finds an empty entry would go on behind the block.
 */
static void split_locked(struct mm *mm, vaddr_t start, pte_t *entry)
{
    pte_t *table = withdraw(entry), block = pte_load_raw(entry), shown = pde_make(address_paddr(table), 1);
    spinlock_t *lock = pt_lock(table);

    counter_inc(COUNTER_BLOCK_SPLIT);
    mm_event(MM_EVENT_ENTRY_CLEAR, start, pte_pfn(page_of(entry)), BLOCK_FRAMES);
    spin_lock(lock);
    do {
        store_ptes(start, table, pte_of_block(block, 1, 0), BLOCK_FRAMES);
        __atomic_thread_fence(__ATOMIC_RELEASE); /* the table's contents are stored before the pointer to it */
    /* try again if the hardware has set "accessed" or "dirty" in between */
    } while (!pte_cmpxchg(entry, &block, pde_hide(shown, 1)));
    spin_unlock(lock);
    tlb_flush_range(mm, start, BLOCK_FRAMES);
    mm_event(MM_EVENT_ENTRY_SET, start, pte_pfn(pte_of_block(block, 1, 0)), BLOCK_FRAMES);
    counter_inc(COUNTER_SET_PTES_CALLS);
    counter_add(COUNTER_SET_PTES_ENTRIES, BLOCK_FRAMES);
    pte_store(entry, shown);
    arch_pt_publish();
}

void block_split(struct mm *mm, vaddr_t addr, pte_t *entry)
{
    spinlock_t *lock = pt_lock(entry);

    spin_lock(lock);
    if (is_block(entry))
        split_locked(mm, ALIGN_DOWN(addr, BLOCK_BYTES), entry);
    spin_unlock(lock);
}

void block_split_inside(struct mm *mm, vaddr_t addr)
{
    pte_t *entry = IS_ALIGNED(addr, BLOCK_BYTES) ? NULL : block_at(&mm->root, addr);

    if (entry)
        block_split(mm, addr, entry);
}

/* --- all of a block ---------------------------------------------------------------------------- */
bool block_clear(struct tlb_gather *g, vaddr_t addr, pte_t *entry)
{
    spinlock_t *lock = pt_lock(entry);
    pte_t *table = NULL;

    spin_lock(lock);
    if (is_block(entry)) {
        pfn_t pfn = pte_pfn(page_of(entry));
        table = withdraw(entry);
        mm_event(MM_EVENT_ENTRY_CLEAR, addr, pfn, BLOCK_FRAMES);
        pte_store(entry, pte_empty(1));
        tlb_gather_range(g, addr, BLOCK_FRAMES);
        g->tables |= ARCH_FLUSH_ON_CLEAR; /* entries of this level have to be flushed */
        tlb_gather_folio(g, mapped_folio(pfn), BLOCK_FRAMES);
        __atomic_fetch_sub(&g->mm->nr_mapped, BLOCK_FRAMES, __ATOMIC_RELAXED);
    }
    spin_unlock(lock);
    if (table)
        pt_table_free(table); /* no walker has seen the table */
    return table != NULL;
}

/* Stores the same block with another protection. Lock held. */
static void change(struct tlb_gather *g, vaddr_t addr, pte_t *entry, pte_t page)
{
    mm_event(MM_EVENT_ENTRY_SET, addr, pte_pfn(page), BLOCK_FRAMES);
    pte_store(entry, block_of(page));
    tlb_gather_range(g, addr, BLOCK_FRAMES);
    g->tables |= ARCH_FLUSH_ON_CLEAR;
}

bool block_protect(struct tlb_gather *g, struct vma *vma, vaddr_t addr, pte_t *entry, unsigned prot)
{
    spinlock_t *lock = pt_lock(entry);

    if (!prot || (prot & PROT_EXEC)) { /* no block can allow nothing; pages become executable one by one */
        block_split(g->mm, addr, entry);
        return false;
    }
    spin_lock(lock);
    bool block = is_block(entry);
    if (block)
        change(g, addr, entry, pte_apply(pte_mkyoung(page_of(entry)), pte_change(area_pgprot(prot))));
    spin_unlock(lock);
    return block;
}

int block_copy(struct tlb_gather *g, struct vma *to, vaddr_t addr, pte_t *entry)
{
    struct mm *child = to->mm;
    pte_t *into = pt_ensure(child, addr, 1), *table = into ? pt_table_alloc(child, 0) : NULL;
    spinlock_t *lock = pt_lock(entry);

    if (!table)
        return -ENOMEM;
    spin_lock(lock);
    bool block = is_block(entry);
    if (block) {
        pte_t page = page_of(entry);
        struct folio *f = mapped_folio(pte_pfn(page));
        folio_get_mapped(f, BLOCK_FRAMES);
        __atomic_fetch_add(&child->nr_mapped, BLOCK_FRAMES, __ATOMIC_RELAXED);
        if (pte_write(page) && !(to->flags & VMA_SHARED)) {
            page = pte_wrprotect(page);
            change(g, addr, entry, page);
        }
        spinlock_t *child_lock = pt_lock(into);
        spin_lock(child_lock);
        deposit(into, table);
        mm_event(MM_EVENT_ENTRY_SET, addr, pte_pfn(page), BLOCK_FRAMES);
        pte_store(into, block_of(page));
        spin_unlock(child_lock);
    }
    spin_unlock(lock);
    if (!block)
        pt_table_free(table);
    return block ? 0 : 1;
}

/* --- faults ------------------------------------------------------------------------------------ */
/* Whether all references are this block's: nobody else maps or holds any part of it. The entry's table is locked. */
static bool only_ours(const struct folio *f)
{
    return f && __atomic_load_n(&f->counts, __ATOMIC_ACQUIRE) == BLOCK_FRAMES * FOLIO_MAPPING;
}

int block_fault(struct vma *vma, vaddr_t addr, unsigned access, pte_t *entry)
{
    struct mm *mm = vma->mm;
    vaddr_t start = ALIGN_DOWN(addr, BLOCK_BYTES);
    spinlock_t *lock = pt_lock(entry);
    bool flush = false;

    spin_lock(lock);
    if (is_block(entry)) {
        pte_t page = page_of(entry);
        struct folio *f = mapped_folio(pte_pfn(page));
        bool upgrade = access == ACCESS_WRITE && !pte_write(page);
        if (upgrade && !(vma->flags & VMA_SHARED) && !(f && f->owner == vma->anon && only_ours(f))) {
            split_locked(mm, start, entry);
        } else {
            page = pte_mkyoung(upgrade ? pte_mkdirty(pte_mkwrite(page)) : page);
            pte_store(entry, block_of(page));
            flush = true;
            counter_inc(upgrade ? COUNTER_FAULT_REUSE : COUNTER_FAULT_SPURIOUS);
        }
    }
    spin_unlock(lock);
    if (flush)
        tlb_flush_range(mm, start, BLOCK_FRAMES);
    return 0;
}
