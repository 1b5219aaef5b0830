/* SPDX-License-Identifier: MIT */
/*
 * The one walker for all page-table formats, tables and their descriptors, and the range interface. What
 * differs between formats is in arch/pgtable.h.
 */
#include <quire/pgtable.h>
#include <quire/buddy.h>
#include <quire/counters.h>
#include <quire/hole.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/mm_event.h>
#include <quire/poison.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <arch-generic/paging.h>

static SLAB_CACHE(ptdesc_cache, ptdesc, slab_link, true);

#define TABLE_ORDER(level) (PT_TABLE_BYTES(level) <= PAGE_SIZE ? 0 : __builtin_ctzl(PT_TABLE_BYTES(level) / PAGE_SIZE))
#define TABLES_PER_FRAME(level) (PT_TABLE_BYTES(level) < PAGE_SIZE ? PAGE_SIZE / PT_TABLE_BYTES(level) : 1)

pte_t *pt_walk(const struct pt_root *root, vaddr_t addr, unsigned *level)
{
    pte_t *table = paddr_address(root->table);

#pragma GCC unroll 4
    for (unsigned l = PT_LEVELS - 1; l > 0; l--) {
        pte_t *entry = table + pt_index(addr, l);
        pte_t e = pte_load(entry);
        if (!pde_present(e, l) || pde_leaf(e, l)) {
            *level = l;
            return entry;
        }
        table = pt_table_of(e, l);
    }
    *level = 0;
    return table + pt_index(addr, 0);
}

pte_t pt_lookup(const struct pt_root *root, vaddr_t addr)
{
    unsigned level;
    pte_t e = pte_load(pt_walk(root, addr, &level));

    if (level == 0)
        return e;
    if (!pde_present(e, level))
        return pte_empty(0);
    return pte_of_block(e, level, (addr & (pt_span(level) - 1)) >> PAGE_SHIFT);
}

/* --- tables ------------------------------------------------------------------------------------ */
static struct ptdesc *ptdesc_of(const void *in_table)
{
    memdesc_t word = memdesc_read(address_pfn(in_table));

    KASSERT(memdesc_type(word) == MEMDESC_PTDESC, "%p isn't in a page table: its frame is %s", in_table,
            memdesc_type_name(memdesc_type(word)));
    return memdesc_pointer(word);
}


/* Small tables share a frame: take a free part of one that mm has already. mm->tables_lock held. */
static pte_t *take_fragment(struct mm *mm, unsigned level)
{
    if (!mm || TABLES_PER_FRAME(level) == 1 || list_empty(&mm->partial_tables))
        return NULL;
    struct ptdesc *pt = list_entry(mm->partial_tables.next, struct ptdesc, link);
    unsigned i = (unsigned)__builtin_ctz(~pt->fragments);
    pt->fragments |= (u16)(1u << i);
    if (pt->fragments == (1u << TABLES_PER_FRAME(level)) - 1)
        list_remove(&pt->link);
    return (pte_t *)((u8 *)pfn_address(pt->pfn) + i * PT_TABLE_BYTES(level));
}

pte_t *pt_table_alloc(struct mm *mm, unsigned level)
{
    if (mm) {
        spin_lock(&mm->tables_lock);
        pte_t *fragment = take_fragment(mm, level);
        spin_unlock(&mm->tables_lock);
        if (fragment) {
            pt_table_init(fragment, level);
            return fragment;
        }
        if (!quota_charge(mm->quota, 1UL << TABLE_ORDER(level)))
            return NULL;
    }
    struct ptdesc *pt = slab_alloc(&ptdesc_cache);
    pfn_t pfn = pt ? frames_alloc(TABLE_ORDER(level), memdesc_make(MEMDESC_PTDESC, pt)) : PFN_NONE;
    if (pfn == PFN_NONE) {
        if (pt)
            slab_free(&ptdesc_cache, pt);
        if (mm)
            quota_uncharge(mm->quota, 1UL << TABLE_ORDER(level));
        return NULL;
    }
    pt->lock = (spinlock_t)SPINLOCK_INIT;
    pt->level = (u8)level;
    pt->order = (u8)TABLE_ORDER(level);
    pt->fragments = 1;
    pt->pfn = pfn;
    pt->mm = mm;
    list_init(&pt->link);
    if (mm && TABLES_PER_FRAME(level) > 1) {
        spin_lock(&mm->tables_lock);
        list_push_back(&mm->partial_tables, &pt->link);
        spin_unlock(&mm->tables_lock);
    }
    if (mm)
        __atomic_fetch_add(&mm->nr_table_frames, 1UL << pt->order, __ATOMIC_RELAXED);
    pte_t *table = pfn_address(pfn);
    pt_table_init(table, level);
    mm_event(MM_EVENT_TABLE_ALLOC, pfn, level, 0);
    return table;
}

void pt_table_free(pte_t *table)
{
    struct ptdesc *pt = ptdesc_of(table);
    struct mm *mm = pt->mm;
    unsigned per_frame = TABLES_PER_FRAME(pt->level);

    if (mm && per_frame > 1) {
        unsigned i = (unsigned)(((vaddr_t)table & (PAGE_SIZE - 1)) / PT_TABLE_BYTES(pt->level));
        spin_lock(&mm->tables_lock);
        bool was_full = pt->fragments == (1u << per_frame) - 1;
        pt->fragments &= (u16) ~(1u << i);
        bool empty = pt->fragments == 0;
        if (empty && !was_full)
            list_remove(&pt->link);
        else if (was_full && !empty)
            list_push_back(&mm->partial_tables, &pt->link);
        spin_unlock(&mm->tables_lock);
        if (!empty)
            return;
    }
    mm_event(MM_EVENT_TABLE_FREE, pt->pfn, pt->level, 0);
    u64 frames = 1UL << pt->order;
    frames_free(pt->pfn, pt->order);
    slab_free(&ptdesc_cache, pt);
    if (mm) {
        __atomic_fetch_sub(&mm->nr_table_frames, frames, __ATOMIC_RELAXED);
        quota_uncharge(mm->quota, frames);
    }
}

u64 ptdescs_in_use(void) { return slab_in_use(&ptdesc_cache); }

/* The table below *entry, making it if there is none. NULL: no memory, or a block is there. */
static __noinline pte_t *make_below(struct mm *mm, pte_t *entry, unsigned level)
{
    pte_t e = pte_load(entry);

    if (!pde_present(e, level)) {
        pte_t *table = pt_table_alloc(mm, level - 1);
        if (!table)
            return NULL;
        spinlock_t *lock = pt_lock(entry);
        spin_lock(lock);
        e = pte_load(entry);
        if (pde_present(e, level)) { /* somebody was faster */
            spin_unlock(lock);
            pt_table_free(table);
        } else {
            /* The table's contents before the pointer to it. */
            __atomic_thread_fence(__ATOMIC_RELEASE);
            e = pde_make(address_paddr(table), level);
            pte_store(entry, e);
            spin_unlock(lock);
        }
    }
    return pde_leaf(e, level) ? NULL : pt_table_of(e, level);
}

pte_t *pt_ensure(struct mm *mm, vaddr_t addr, unsigned level)
{
    pte_t *table = paddr_address((mm ? &mm->root : kernel_root())->table);

    for (unsigned l = PT_LEVELS - 1; l > level; l--) {
        pte_t *entry = table + pt_index(addr, l), e = pte_load(entry);
        if (likely(pde_present(e, l) && !pde_leaf(e, l)))
            table = pt_table_of(e, l);
        else if (!(table = make_below(mm, entry, l)))
            return NULL;
    }
    return table + pt_index(addr, level);
}

/* --- the range interface ----------------------------------------------------------------------- */
#if QUIRE_DEBUG
/*
 * The word of the folio that a frame is part of: a hole or poison may come at any time, and whoever made it
 * removes the entry again.
 */
static memdesc_t owner_word(pfn_t pfn)
{
    memdesc_t word = memdesc_read(pfn);

    if (memdesc_type(word) == MEMDESC_HWPOISON)
        word = ((struct hwpoison *)memdesc_pointer(word))->saved;
    return memdesc_type(word) == MEMDESC_HOLE ? ((struct insecure_mem *)memdesc_pointer(word))->saved : word;
}

static void check_set_ptes(struct mm *mm, vaddr_t addr, const pte_t *ptep, pte_t pte, unsigned nr)
{
    KASSERT(nr > 0, "set_ptes: nr is 0");
    KASSERT(pt_index(addr, 0) + nr <= PT_ENTRIES(0),
            "set_ptes: %u entries from 0x%lx on leave the page table: one call, one table", nr, addr);
    KASSERT(((vaddr_t)ptep / sizeof(pte_t) & (PT_ENTRIES(0) - 1)) == pt_index(addr, 0),
            "set_ptes: entry %p isn't the one for address 0x%lx", ptep, addr);
    KASSERT(spin_is_locked(pt_lock(ptep)), "set_ptes: the page-table lock isn't held");
    memdesc_t word = owner_word(pte_pfn(pte));
    for (unsigned i = 0; nr > 1 && i < nr; i++) {
        KASSERT(!pte_present(pte_load(ptep + i)),
                "set_ptes: entry %u of %u is present already: only nr == 1 may replace", i, nr);
        KASSERT(owner_word(pte_pfn(pte) + i) == word,
                "set_ptes: frame 0x%lx belongs to something else than frame 0x%lx: one call, one folio",
                pte_pfn(pte) + i, pte_pfn(pte));
    }
    KASSERT(nr == 1 || pte_present(pte), "set_ptes: nr > 1 installs present entries only");
    KASSERT(!mm || addr < USER_TOP, "set_ptes: 0x%lx isn't a user address", addr);
}
#else
#define check_set_ptes(mm, addr, ptep, pte, nr) ((void)(addr))
#endif

void set_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, pte_t pte, unsigned nr)
{
    check_set_ptes(mm, addr, ptep, pte, nr);
    counter_inc(COUNTER_SET_PTES_CALLS);
    counter_add(COUNTER_SET_PTES_ENTRIES, nr);
    mm_event(MM_EVENT_ENTRY_SET, addr, pte_pfn(pte), nr);
    for (; nr >= 8; nr -= 8, ptep += 8) {
        pte_store(ptep + 0, pte), pte = pte_advance_pfn(pte, 1);
        pte_store(ptep + 1, pte), pte = pte_advance_pfn(pte, 1);
        pte_store(ptep + 2, pte), pte = pte_advance_pfn(pte, 1);
        pte_store(ptep + 3, pte), pte = pte_advance_pfn(pte, 1);
        pte_store(ptep + 4, pte), pte = pte_advance_pfn(pte, 1);
        pte_store(ptep + 5, pte), pte = pte_advance_pfn(pte, 1);
        pte_store(ptep + 6, pte), pte = pte_advance_pfn(pte, 1);
        pte_store(ptep + 7, pte), pte = pte_advance_pfn(pte, 1);
    }
    for (; nr; nr--, ptep++, pte = pte_advance_pfn(pte, 1))
        pte_store(ptep, pte);
}

void update_mmu_cache_range(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    (void)vma, (void)addr, (void)ptep, (void)nr;
    arch_pt_publish();
}

/* Accessed and dirty may differ within a batch. */
static pte_t batch_key(pte_t e) { return pte_mkyoung(pte_mkdirty(e)); }

unsigned folio_pte_batch(const pte_t *ptep, pte_t pte, unsigned max, pfn_t end_pfn)
{
    u64 left = end_pfn - pte_pfn(pte); /* clamp first: what lies behind the folio may look alike */
    unsigned limit = left < max ? (unsigned)left : max, nr = 1;
    pte_t want = pte_advance_pfn(batch_key(pte), 1);

    while (nr < limit) {
        pte_t e = pte_load(ptep + nr);
        if (!pte_present(e) || !pte_same(batch_key(e), want))
            break;
        want = pte_advance_pfn(want, 1);
        nr++;
    }
    return nr;
}

void clear_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    mm_event(MM_EVENT_ENTRY_CLEAR, addr, pte_pfn(pte_load(ptep)), nr);
    for (unsigned i = 0; i < nr; i++) {
#if ARCH_FLUSH_ON_CLEAR
        arch_pte_invalidate(ptep + i, addr + i * PAGE_SIZE);
#endif
        pte_store(ptep + i, pte_empty(0));
    }
}
