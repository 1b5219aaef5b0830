/* SPDX-License-Identifier: MIT */
/* Address spaces: making and ending them, looking into them. Contracts in <quire/mm.h>. */
#include <quire/mm.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/plural.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/tlb.h>
#include "areas.h"

static SLAB_CACHE(mm_cache, mm, partial_tables, false);
LOCK_ORDER(4, mm_cache, mm, areas_lock.word);
LOCK_ORDER(10, mm_cache, mm, tables_lock);

/* The kernel's part of the top table never changes after boot, so each address space can copy its few entries. */
static void share_kernel_entries(pte_t *top)
{
    static u16 used[16];
    static unsigned nr_used; /* several CPUs may count at once: all come to the same result */
    const pte_t *kernel = paddr_address(kernel_root()->table);

    if (!PT_KERNEL_IN_USER_ROOT)
        return;
    if (unlikely(!nr_used)) {
        unsigned nr = 0;
        for (u64 i = PT_TOP_USER_ENTRIES; i < PT_ENTRIES(PT_LEVELS - 1); i++) {
            if (!pde_present(kernel[i], PT_LEVELS - 1))
                continue;
            KASSERT(nr < ARRAY_SIZE(used), "the kernel uses more than %u entries of its top table", nr);
            used[nr++] = (u16)i;
        }
        __atomic_store_n(&nr_used, nr, __ATOMIC_RELEASE);
    }
    for (unsigned i = 0, nr = __atomic_load_n(&nr_used, __ATOMIC_ACQUIRE); i < nr; i++)
        top[used[i]] = kernel[used[i]];
}

struct mm *mm_create(void)
{
    struct mm *mm = slab_alloc(&mm_cache);

    if (!mm)
        return NULL;
    list_init(&mm->partial_tables);
    rwsem_init(&mm->areas_lock);
    pte_t *top = pt_table_alloc(NULL, PT_LEVELS - 1);
    if (!top) {
        slab_free(&mm_cache, mm);
        return NULL;
    }
    share_kernel_entries(top);
    mm->root.table = address_paddr(top);
    mm->refs = 1;
    mm->stack_limit = STACK_LIMIT_DEFAULT;
    return mm;
}

#define ROOT_FRAMES DIV_ROUND_UP(PT_TABLE_BYTES(PT_LEVELS - 1), PAGE_SIZE)

int mm_set_quota(struct mm *mm, struct quota *quota)
{
    if (!quota_charge(quota, ROOT_FRAMES))
        return -ENOMEM;
    if (!quota_keep(quota, SLAB_COST(mm))) {
        quota_uncharge(quota, ROOT_FRAMES);
        return -ENOMEM;
    }
    quota_get(quota);
    mm->quota = quota;
    return 0;
}

/* After unmap_all() no area is left, and so no table below the top. */
void mm_put(struct mm *mm)
{
    if (!refs_put(&mm->refs, 1, "address space", mm))
        return;
    rwsem_write_lock(&mm->areas_lock);
    unmap_all(mm);
    if (mm->nr_table_frames) /* tables that belong to no area: somebody called pt_ensure(), and then gave up */
        unmap_tables(mm, 0, USER_TOP);
    rwsem_write_unlock(&mm->areas_lock);
    KASSERT(mm->nr_mapped == 0, "address space ends with %lu frame%s still mapped", mm->nr_mapped,
            plural(mm->nr_mapped));
    KASSERT(mm->nr_table_frames == 0, "address space ends with %lu page table%s left", mm->nr_table_frames,
            plural(mm->nr_table_frames));
    if (mm->root.cpumask)
        tlb_flush_range(mm, 0, 0);
    asid_forget();
    pt_table_free(paddr_address(mm->root.table));
    if (mm->quota) {
        quota_let_go(mm->quota, SLAB_COST(mm));
        quota_uncharge(mm->quota, ROOT_FRAMES);
        quota_put(mm->quota);
    }
    slab_free(&mm_cache, mm);
}

u64 mm_objects_in_use(void) { return slab_in_use(&mm_cache); }

pte_t mm_lookup(struct mm *mm, vaddr_t addr)
{
    if (addr >= USER_TOP)
        return pte_empty(0);
    if (locks_held())
        return pt_lookup(&mm->root, addr);
    rwsem_read_lock(&mm->areas_lock); /* else another thread's munmap() frees the tables under the walk */
    pte_t e = pt_lookup(&mm->root, addr);
    rwsem_read_unlock(&mm->areas_lock);
    return e;
}
