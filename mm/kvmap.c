/* SPDX-License-Identifier: MIT */
/*
 * Kernel stacks in KVMAP. A slot is twice a stack: the lower half is mapped, the upper half is the guard of
 * the next slot's stack; so bit log2(KSTACK_SIZE) of a stack pointer tells inside from overflow (trap entry).
 * Freed stacks stay mapped and are used again, so no flush is ever needed.
 */
#include <quire/kvmap.h>
#include <quire/buddy.h>
#include <quire/pgtable.h>

#define SLOT_SIZE (2 * KSTACK_SIZE)
#define NR_SLOTS (KVMAP_SIZE / SLOT_SIZE - 1)
#define STACK_ORDER 2

static spinlock_t lock;
static u64 next_slot = 1;
static void *free_stacks; /* linked through their first word */
static u64 nr_free;

static void *map_stack(vaddr_t base)
{
    pfn_t pfn = frames_alloc(STACK_ORDER, memdesc_make_misc(MISC_KERNEL));

    if (pfn == PFN_NONE)
        return NULL;
    for (unsigned i = 0; i < 1u << STACK_ORDER; i++) {
        pte_t *ptep = pt_ensure(NULL, base + i * PAGE_SIZE, 0);
        if (!ptep) {
            frames_free(pfn, STACK_ORDER); /* entries set so far point to it, but nobody knows the address */
            return NULL;
        }
        pte_store(ptep, pfn_pte(pfn + i, PGPROT_KERNEL_RW));
    }
    arch_pt_publish();
    return (void *)(base + KSTACK_SIZE);
}

void *kstack_alloc(void)
{
    spin_lock(&lock);
    void *base = free_stacks;
    if (base) {
        free_stacks = *(void **)base;
        nr_free--;
        spin_unlock(&lock);
        return (u8 *)base + KSTACK_SIZE;
    }
    u64 slot = next_slot < NR_SLOTS ? next_slot++ : 0;
    spin_unlock(&lock);
    return slot ? map_stack(KVMAP_BASE + slot * SLOT_SIZE) : NULL;
}

void kstack_free(void *top)
{
    void *base = (u8 *)top - KSTACK_SIZE;

    spin_lock(&lock);
    *(void **)base = free_stacks;
    free_stacks = base;
    nr_free++;
    spin_unlock(&lock);
}

bool kstack_guard_at(vaddr_t addr)
{
    return addr >= KVMAP_BASE && addr < KVMAP_BASE + KVMAP_SIZE && addr & KSTACK_SIZE;
}

u64 kstack_cached_frames(void) { return nr_free << STACK_ORDER; }
