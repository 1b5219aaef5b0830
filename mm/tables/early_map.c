/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own page tables, built once before there is a buddy: the image, the direct map, devices.
 * Whoever needs more tables later gets them by pt_ensure().
 */
#include <quire/pgtable.h>
#include <quire/log.h>
#include <arch-generic/paging.h>

#define MAX_BLOCK_LEVEL 1 /* 2 MiB: frames of secure folios are taken out of the direct map block by block */

static pte_t *early_table(struct early_map *map, unsigned level)
{
    u64 size = PT_TABLE_BYTES(level);

    map->next = mk_paddr(ALIGN_UP(paddr_value(map->next), size));
    KASSERT(paddr_value(map->next) + size <= paddr_value(map->end), "early page tables: frames ran out");
    pte_t *table = paddr_address(map->next);
    map->next = paddr_add(map->next, size);
    pt_table_init(table, level);
    return table;
}

static unsigned best_level(vaddr_t va, u64 pa, u64 size)
{
    unsigned level = MAX_BLOCK_LEVEL;

    while (level > 0 && (!arch_pt_block_ok(level) || !IS_ALIGNED(va | pa, pt_span(level)) || size < pt_span(level)))
        level--;
    return level;
}

/* Maps from va on, up to the end of the table or the range; returns the number of bytes. */
static u64 map_run(pte_t *table, unsigned level, vaddr_t va, u64 pa, u64 size, pgprot_t prot)
{
    u64 index = pt_index(va, level), nr = MIN(size >> PT_SHIFT(level), PT_ENTRIES(level) - index);
    u64 step = pt_span(level) >> PAGE_SHIFT;
    pte_t e = level ? pfn_block(pa >> PAGE_SHIFT, prot, level) : pfn_pte(pa >> PAGE_SHIFT, prot);

    pte_t *entry = table + index;
    u64 left = nr;
    for (; left >= 4; left -= 4, entry += 4) {
        pte_store(entry, e), e = pte_advance_pfn(e, step);
        pte_store(entry + 1, e), e = pte_advance_pfn(e, step);
        pte_store(entry + 2, e), e = pte_advance_pfn(e, step);
        pte_store(entry + 3, e), e = pte_advance_pfn(e, step);
    }
    for (; left; left--, entry++, e = pte_advance_pfn(e, step))
        pte_store(entry, e);
    return nr << PT_SHIFT(level);
}

void early_map_range(struct early_map *map, vaddr_t va, paddr_t start, u64 size, pgprot_t prot)
{
    u64 pa = paddr_value(start);

    while (size) {
        unsigned level = best_level(va, pa, size);
        /* Smaller pieces are mapped only up to the address where larger blocks may begin. */
        u64 piece = size;
        if (level < MAX_BLOCK_LEVEL && arch_pt_block_ok(level + 1)) {
            u64 to_boundary = pt_span(level + 1) - (va & (pt_span(level + 1) - 1));
            piece = MIN(size, to_boundary);
        }
        pte_t *table = paddr_address(map->root->table);
        for (unsigned l = PT_LEVELS - 1; l > level; l--) {
            pte_t *entry = table + pt_index(va, l), e = pte_load(entry);
            if (!pde_present(e, l)) {
                e = pde_make(address_paddr(early_table(map, l - 1)), l);
                pte_store(entry, e);
            }
            KASSERT(!pde_leaf(e, l), "early map: 0x%lx is mapped by a block already", va);
            table = pt_table_of(e, l);
        }
        u64 done = map_run(table, level, va, pa, piece, prot);
        va += done;
        pa += done;
        size -= done;
    }
}
