/* SPDX-License-Identifier: MIT */
/*
 * Kernel stacks in KVMAP. A slot has twice the size of a stack: its lower half is mapped, its upper half is the guard
 * of the next slot's stack. So bit log2(KSTACK_SIZE) of a stack pointer tells a stack from its guard (trap entry).
 *
 * A slot is free, in use, or kept: freed but still mapped, for the next thread. At most KEPT_MOST slots are kept. When
 * there are more, half of them are unmapped together, with one flush on all CPUs. Then their frames are freed, and each
 * lowest table that maps no used slot any more. One lock protects all this. No interrupt handler takes it. It is held
 * across the flush, and a CPU that spins for it answers flushes meanwhile. So nobody gets a slot, or a table in its
 * place, before every CPU has forgotten the old mappings.
 */
#include <quire/kvmap.h>
#include <quire/buddy.h>
#include <quire/space.h>
#include <quire/pgtable.h>
#include <quire/tlb.h>

#define SLOT_SIZE (2 * KSTACK_SIZE)
#define NR_SLOTS (KVMAP_SIZE / SLOT_SIZE)
#define STACK_ORDER 2
#define STACK_PAGES (1u << STACK_ORDER)
#define KEPT_MOST 32
#define TABLE_REACH (PT_ENTRIES(0) * PAGE_SIZE)
#define NR_TABLES (KVMAP_SIZE / TABLE_REACH)

static spinlock_t lock;
LOCK_ORDER_STATIC(7, lock);
static u64 taken[NR_SLOTS / 64]; /* bit: the slot is in use or kept; slot 0 never is free: its stack has no guard */
static u64 search_from;          /* no slot of an earlier word is free */
static u64 kept[KEPT_MOST + 1];  /* slots */
static unsigned nr_kept;
/*
 * How many slots each table maps; 0: the table doesn't exist. The first table always stays after it was made, because
 * uv/soft/soft.c has a window in slot 0.
 */
static u16 used_in_table[NR_TABLES] = {1};
static u64 nr_tables;

static vaddr_t slot_base(u64 slot) { return KVMAP_BASE + slot * SLOT_SIZE; }
static u64 slot_of(const void *top) { return ((vaddr_t)top - KVMAP_BASE) / SLOT_SIZE; }
static u64 table_of(u64 slot) { return slot * SLOT_SIZE / TABLE_REACH; }

/* Takes the lowest free slot; NR_SLOTS: there is none. */
static u64 take_slot(void)
{
    taken[0] |= 1;
    for (; search_from < ARRAY_SIZE(taken); search_from++) {
        if (!~taken[search_from])
            continue;
        unsigned bit = (unsigned)__builtin_ctzl(~taken[search_from]);
        taken[search_from] |= 1UL << bit;
        return search_from * 64 + bit;
    }
    return NR_SLOTS;
}

static void give_slot(u64 slot)
{
    taken[slot / 64] &= ~(1UL << slot % 64);
    search_from = MIN(search_from, slot / 64);
}

/* Removes a table whose slots are all unmapped from the table above. The caller frees it after the flush. */
static pte_t *detach_table(u64 slot)
{
    pte_t *entry = pt_ensure(NULL, slot_base(slot), 1); /* can't fail: the tables above exist */
    pte_t *table = pt_table_of(pte_load(entry), 1);

    pte_store(entry, pte_empty(1));
    return table;
}

/* Unmaps one slot and returns its frames. *table: the table that nobody needs any more, or NULL. */
static pfn_t unmap_slot(u64 slot, pte_t **table)
{
    pte_t *ptep = pt_ensure(NULL, slot_base(slot), 0);
    pfn_t pfn = pte_pfn(pte_load(ptep));

    for (unsigned i = 0; i < STACK_PAGES; i++)
        pte_store(ptep + i, pte_empty(0));
    *table = --used_in_table[table_of(slot)] ? NULL : detach_table(slot);
    return pfn;
}

/* Moves the higher half of the kept slots to the end: then the slots that stay are close together, in few tables. */
static void highest_last(void)
{
    for (unsigned end = nr_kept; end > nr_kept - KEPT_MOST / 2; end--) {
        unsigned highest = 0;
        for (unsigned i = 1; i < end; i++)
            if (kept[i] > kept[highest])
                highest = i;
        u64 slot = kept[highest];
        kept[highest] = kept[end - 1];
        kept[end - 1] = slot;
    }
}

/* Frees half of the kept slots. Lock held. */
static void release_kept(void)
{
    pfn_t pfn[KEPT_MOST / 2];
    pte_t *table[KEPT_MOST / 2];

    highest_last();
    for (unsigned i = 0; i < KEPT_MOST / 2; i++)
        pfn[i] = unmap_slot(kept[nr_kept - 1 - i], &table[i]);
    tlb_flush_kernel_range(0, 0);
    for (unsigned i = 0; i < KEPT_MOST / 2; i++) {
        frames_free(pfn[i], STACK_ORDER);
        if (table[i]) {
            pt_table_free(table[i]);
            nr_tables--;
        }
        give_slot(kept[--nr_kept]);
    }
}

/* Makes frames and entries for a slot. False: no memory, and nothing is changed. Lock held. */
static bool map_slot(u64 slot)
{
    bool first = !used_in_table[table_of(slot)];
    pfn_t pfn = frames_alloc(STACK_ORDER, memdesc_make_misc(MISC_KERNEL));
    pte_t *ptep = pfn == PFN_NONE ? NULL : pt_ensure(NULL, slot_base(slot), 0); /* a slot lies in one table */

    if (!ptep) {
        if (pfn != PFN_NONE)
            frames_free(pfn, STACK_ORDER);
        return false;
    }
    nr_tables += first;
    used_in_table[table_of(slot)]++;
    for (unsigned i = 0; i < STACK_PAGES; i++)
        pte_store(ptep + i, pfn_pte(pfn + i, PGPROT_KERNEL_RW));
    arch_pt_publish();
    return true;
}

void *kstack_alloc(void)
{
    u64 slot;

    spin_lock(&lock);
    if (nr_kept) {
        slot = kept[--nr_kept];
    } else {
        slot = take_slot();
        if (slot < NR_SLOTS && !map_slot(slot)) {
            give_slot(slot);
            slot = NR_SLOTS;
        }
    }
    spin_unlock(&lock);
    return slot < NR_SLOTS ? (void *)(slot_base(slot) + KSTACK_SIZE) : NULL;
}

void kstack_free(void *top)
{
    spin_lock(&lock);
    kept[nr_kept++] = slot_of((u8 *)top - KSTACK_SIZE);
    if (nr_kept > KEPT_MOST)
        release_kept();
    spin_unlock(&lock);
}

bool kstack_guard_at(vaddr_t addr)
{
    return addr >= KVMAP_BASE && addr < KVMAP_BASE + KVMAP_SIZE && addr & KSTACK_SIZE;
}

/* Counts the tables as well, because their number depends on which slots are in use. */
u64 kstack_cached_frames(void) { return ((u64)nr_kept << STACK_ORDER) + nr_tables; }
u64 kstack_tables(void) { return nr_tables; }
