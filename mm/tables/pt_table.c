/* SPDX-License-Identifier: MIT */
/*
 * Page tables as memory: descriptors, small tables that share a frame, and making the tables above an entry.
 *
 * All entries of a table are empty before anybody can find it. A table is freed only when nobody can walk through it
 * any more (mm/holes/gather.c). Lock order: mm->tables_lock is taken with no other lock of these; a table's lock, in
 * struct ptdesc, is below the folio's.
 */
#include <quire/pgtable.h>
#include <quire/buddy.h>
#include <quire/space.h>
#include <quire/mm_event.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <arch-generic/paging.h>

static SLAB_CACHE(ptdesc_cache, ptdesc, slab_link, true);
LOCK_ORDER_NESTS(8, ptdesc_cache, ptdesc, lock); /* an upper table, then a lower one; a parent's, then its child's */

#define TABLE_ORDER(level) (PT_TABLE_BYTES(level) <= PAGE_SIZE ? 0 : __builtin_ctzl(PT_TABLE_BYTES(level) / PAGE_SIZE))
#define TABLES_PER_FRAME(level) (PT_TABLE_BYTES(level) < PAGE_SIZE ? PAGE_SIZE / PT_TABLE_BYTES(level) : 1)

static struct ptdesc *ptdesc_of(const void *in_table)
{
    memdesc_t word = memdesc_read(address_pfn(in_table));

    KASSERT(memdesc_type(word) == MEMDESC_PTDESC, "%p isn't in a page table: its frame is %s", in_table,
            memdesc_type_name(memdesc_type(word)));
    return memdesc_pointer(word);
}

/* Small tables share a frame: takes a free part of a frame that mm has already. mm->tables_lock held. */
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
    pt->deposits = NULL;
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
    counter_inc(COUNTER_TABLE_ALLOC);
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
    counter_inc(COUNTER_TABLE_FREE);
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

/* The table below *entry; makes it if there is none. NULL: no memory, or a block is there. */
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
        if (pde_present(e, level)) { /* another CPU was faster */
            spin_unlock(lock);
            pt_table_free(table);
        } else {
            /* The table's contents are stored before the pointer to it. */
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
