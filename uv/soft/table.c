/* SPDX-License-Identifier: MIT */
/*
 * A guest's address space: its page tables. They are made of frames that the host donated, so that the ultravisor
 * never allocates; guest address = guest page * 4 KiB. Block entries are used where a whole block is secured at once.
 */
#include <quire/errno.h>
#include <quire/string.h>
#include <quire/tlb.h>
#include <arch-generic/paging.h>
#include "soft.h"

u64 enforce_needed(u64 nr_pages)
{
    u64 bytes = PT_TABLE_BYTES(PT_LEVELS - 1);

    for (unsigned level = 0; level + 1 < PT_LEVELS; level++)
        bytes += DIV_ROUND_UP(nr_pages << PAGE_SHIFT, pt_span(level + 1)) * PT_TABLE_BYTES(level);
    return DIV_ROUND_UP(bytes, PAGE_SIZE) + PT_LEVELS * 4; /* tables larger than a frame need consecutive ones */
}

/* A table from the next consecutive donated frames; NULL: donate more. */
static pte_t *take_table(struct soft_guest *g, unsigned level)
{
    unsigned nr = (unsigned)MAX(PT_TABLE_BYTES(level) / PAGE_SIZE, 1UL);

    if (PT_TABLE_BYTES(level) < PAGE_SIZE && g->fragment && g->fragment + PT_TABLE_BYTES(level) <= PAGE_SIZE) {
        u8 *frame = pfn_address(memory.first + g->fragment_frame);
        pte_t *table = (pte_t *)(frame + g->fragment);
        g->fragment += (u32)PT_TABLE_BYTES(level);
        pt_table_init(table, level);
        return table;
    }
    for (unsigned i = g->nr_used; i + nr <= g->nr_donated; i++) {
        bool run = IS_ALIGNED(g->donated[i] + memory.first, (u64)nr);
        for (unsigned k = 1; k < nr; k++)
            run = run && g->donated[i + k] == g->donated[i] + k;
        if (!run)
            continue;
        for (unsigned k = 0; k < nr; k++) { /* swap them to the end of the used ones */
            u32 other = g->donated[g->nr_used + k];
            g->donated[g->nr_used + k] = g->donated[i + k];
            g->donated[i + k] = other;
        }
        pfn_t pfn = memory.first + g->donated[g->nr_used];
        g->nr_used += nr;
        if (PT_TABLE_BYTES(level) < PAGE_SIZE) {
            g->fragment = (u32)PT_TABLE_BYTES(level);
            g->fragment_frame = (u32)(pfn - memory.first);
        }
        pte_t *table = pfn_address(pfn);
        pt_table_init(table, level);
        return table;
    }
    return NULL;
}

static int make_root(struct soft_guest *g)
{
    pte_t *top = take_table(g, PT_LEVELS - 1);

    if (!top)
        return -ENOMEM;
#if PT_KERNEL_IN_USER_ROOT
    const pte_t *kernel = paddr_address(kernel_root()->table);
    memcpy(top + PT_TOP_USER_ENTRIES, kernel + PT_TOP_USER_ENTRIES,
           (PT_ENTRIES(PT_LEVELS - 1) - PT_TOP_USER_ENTRIES) * sizeof(pte_t));
#endif
    g->mm.root.table = address_paddr(top);
    g->mm.refs = 1; /* the ultravisor's; a CPU that loads it holds one more, mm_activate() */
    return 0;
}

/* The entry for a guest address at `level`; NULL: donate more, or a block is there. */
static pte_t *ensure(struct soft_guest *g, vaddr_t addr, unsigned level)
{
    pte_t *table = paddr_address(g->mm.root.table);

    for (unsigned l = PT_LEVELS - 1; l > level; l--) {
        pte_t *entry = table + pt_index(addr, l), e = pte_load(entry);
        if (pde_leaf(e, l))
            return NULL;
        if (!pde_present(e, l)) {
            pte_t *below = take_table(g, l - 1);
            if (!below)
                return NULL;
            e = pde_make(address_paddr(below), l);
            pte_store(entry, e);
        }
        table = pt_table_of(e, l);
    }
    return table + pt_index(addr, level);
}

static pgprot_t guest_prot(unsigned access)
{
    return PGPROT_USER | PGPROT_READ | (access & ACCESS_WRITE ? PGPROT_WRITE | PGPROT_DIRTY : 0u) |
           (access & ACCESS_EXEC ? PGPROT_EXEC : 0u);
}

#define BLOCK_PAGES (pt_span(1) >> PAGE_SHIFT)

/* Whether these pages become one block: they fill it, and no table of page entries is there yet. The block's level-1
 * entry exists. */
static bool becomes_block(struct soft_guest *g, u64 page, pfn_t pfn, u64 nr)
{
    if (!arch_pt_block_ok(1) || nr != BLOCK_PAGES || !IS_ALIGNED(page, BLOCK_PAGES) || !IS_ALIGNED(pfn, BLOCK_PAGES))
        return false;
    pte_t *entry = ensure(g, page << PAGE_SHIFT, 1);
    return entry && !pde_present(pte_load(entry), 1);
}

int enforce_prepare(unsigned guest, u64 page, pfn_t pfn, u64 nr)
{
    struct soft_guest *g = soft_guest(guest);

    if (!paddr_value(g->mm.root.table) && make_root(g))
        return -ENOMEM;
    if (becomes_block(g, page, pfn, nr))
        return 0;
    for (u64 i = 0; i < nr; i += BLOCK_PAGES - (page + i) % BLOCK_PAGES)
        if (!ensure(g, (page + i) << PAGE_SHIFT, 0))
            return -ENOMEM;
    return 0;
}

void enforce_map(unsigned guest, u64 page, pfn_t pfn, u64 nr, unsigned access)
{
    struct soft_guest *g = soft_guest(guest);

    if (becomes_block(g, page, pfn, nr)) {
        pte_store(ensure(g, page << PAGE_SHIFT, 1), pfn_block(pfn, guest_prot(access), 1));
    } else {
        for (u64 i = 0; i < nr; i++)
            pte_store(ensure(g, (page + i) << PAGE_SHIFT, 0), pfn_pte(pfn + i, guest_prot(access)));
    }
    arch_pt_publish();
}

static pte_t entry_of(const struct soft_guest *g, u64 page)
{
    if (page >= g->nr_pages || !paddr_value(g->mm.root.table))
        return pte_empty(0);
    return pt_lookup(&g->mm.root, page << PAGE_SHIFT);
}

pfn_t enforce_frame_of(unsigned guest, u64 page)
{
    pte_t e = entry_of(soft_guest(guest), page);

    return pte_present(e) ? pte_pfn(e) : PFN_NONE;
}

unsigned enforce_access(unsigned guest, u64 page)
{
    pte_t e = entry_of(soft_guest(guest), page);

    return pte_present(e) ? UV_READ | (pte_write(e) ? UV_WRITE : 0) | (pte_exec(e) ? UV_EXEC : 0) : 0;
}

void enforce_forget(unsigned guest, u64 page) { arch_tlb_flush_page(&soft_guest(guest)->mm.root, page << PAGE_SHIFT); }

/* --- frames for tables --------------------------------------------------------------------------- */
void enforce_give(unsigned guest, pfn_t pfn)
{
    struct soft_guest *g = soft_guest(guest);

    g->donated[g->nr_donated++] = (u32)(pfn - memory.first);
}

/* No CPU's TLB may hold tables whose frames are about to become the host's. */
static void forget_space(struct soft_guest *g)
{
    if (g->mm.root.cpumask)
        tlb_flush_range(&g->mm, 0, 0);
    g->mm.root.cpumask = 0;
    g->mm.root.table = mk_paddr(0);
}

pfn_t enforce_take_back(unsigned guest)
{
    struct soft_guest *g = soft_guest(guest);

    if (!g->nr_donated) {
        asid_forget(); /* its root is made anew, so no CPU may still be giving it an ASID */
        return PFN_NONE;
    }
    forget_space(g);
    return memory.first + g->donated[--g->nr_donated];
}
