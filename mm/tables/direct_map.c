/* SPDX-License-Identifier: MIT */
/*
 * Taking frames out of the direct map and putting them back: see <quire/direct_map.h>. direct_map_prepare() replaces
 * blocks by tables, which stay until direct_map_restore(). So sharing a chunk of a secure folio is nr stores and a
 * flush.
 */
#include <quire/direct_map.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/pgtable.h>
#include <quire/tlb.h>

#define BLOCK_FRAMES (pt_span(1) >> PAGE_SHIFT)

static vaddr_t address_of(pfn_t pfn) { return (vaddr_t)pfn_address(pfn); }

static pte_t page_entry(pfn_t pfn) { return pfn_pte(pfn, PGPROT_KERNEL_RW); }

/*
 * Replaces a block by a table with the same mappings, or the other way round. First the entry becomes the hidden table,
 * and is flushed (break before make); then it becomes `fresh`. Software finds the table meanwhile.
 */
static void replace_block(pte_t *entry, vaddr_t addr, pte_t *table, pte_t fresh)
{
    spinlock_t *lock = pt_lock(entry);

    spin_lock(lock);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* the table's contents before the pointer to it */
    pte_store(entry, pde_hide(pde_make(address_paddr(table), 1), 1));
    tlb_flush_kernel_range(addr, 0);
    pte_store(entry, fresh);
    arch_pt_publish();
    spin_unlock(lock);
}

static int prepare_block(pfn_t first)
{
    unsigned level;
    pte_t *entry = pt_walk(kernel_root(), address_of(first), &level);

    if (level == 0)
        return 0;
    KASSERT(level == 1, "direct map: frame 0x%lx is under a level-%u entry", first, level);
    pte_t *table = pt_table_alloc(NULL, 0);
    if (!table)
        return -ENOMEM;
    pte_t e = page_entry(first);
    for (u64 i = 0; i < PT_ENTRIES(0); i++, e = pte_advance_pfn(e, 1))
        pte_store(table + i, e);
    replace_block(entry, address_of(first), table, pde_make(address_paddr(table), 1));
    return 0;
}

int direct_map_prepare(pfn_t first, u64 nr)
{
    if (!arch_pt_block_ok(1))
        return 0; /* this machine maps by pages only */
    if (!IS_ALIGNED(first, BLOCK_FRAMES) || !IS_ALIGNED(nr, BLOCK_FRAMES))
        return -EINVAL;
    for (u64 done = 0; done < nr; done += BLOCK_FRAMES) {
        int err = prepare_block(first + done);
        if (err) {
            direct_map_restore(first, done);
            return err;
        }
    }
    return 0;
}

void direct_map_set(pfn_t first, u64 nr, bool present)
{
    for (u64 i = 0; i < nr; i++) {
        unsigned level;
        pte_t *entry = pt_walk(kernel_root(), address_of(first + i), &level);
        KASSERT(level == 0, "direct map: frame 0x%lx isn't prepared", first + i);
        /* Up to the end of this table without walking again. */
        u64 run = MIN(nr - i, PT_ENTRIES(0) - pt_index(address_of(first + i), 0));
        for (u64 k = 0; k < run; k++) {
            if (!present)
                pte_break(entry + k, address_of(first + i + k));
            pte_store(entry + k, present ? page_entry(first + i + k) : pte_empty(0));
        }
        i += run - 1;
    }
    if (present)
        arch_pt_publish(); /* No flush: a stale "not present" only causes a fault that repeats. */
    else
        tlb_flush_kernel_range(address_of(first), nr);
}

void direct_map_restore(pfn_t first, u64 nr)
{
    for (u64 done = 0; arch_pt_block_ok(1) && done < nr; done += BLOCK_FRAMES) {
        unsigned level;
        vaddr_t addr = address_of(first + done);
        pte_t *entry = pt_walk(kernel_root(), addr, &level);
        if (level > 0)
            continue;
        pte_t *table = entry - pt_index(addr, 0);
        pte_t *above = pt_ensure(NULL, addr, 1);
        replace_block(above, addr, table, pfn_block(first + done, PGPROT_KERNEL_RW, 1));
        pt_table_free(table);
    }
}

bool direct_map_present(pfn_t pfn) { return pte_present(pt_lookup(kernel_root(), address_of(pfn))); }

struct direct_map_cover direct_map_cover(pfn_t first, u64 nr)
{
    struct direct_map_cover c = {0};

    for (u64 i = 0; i < nr;) {
        unsigned level;
        vaddr_t addr = address_of(first + i);
        pte_t above, *entry = pt_walk_above(kernel_root(), addr, &level, &above);
        u64 run = MIN(nr - i, level ? (pt_span(level) - (addr & (pt_span(level) - 1))) >> PAGE_SHIFT
                                    : PT_ENTRIES(0) - pt_index(addr, 0));
        if (level == 0) {
            c.tables++;
            for (u64 k = 0; k < run; k++)
                *(pte_present(pte_load(entry + k)) ? &c.page_frames : &c.absent) += 1;
        } else {
            *(pde_present(above, level) ? &c.block_frames : &c.absent) += run;
        }
        i += run;
    }
    return c;
}
