/* SPDX-License-Identifier: MIT */
/* The one walker for all page-table formats. What differs between formats is in arch/pgtable.h. */
#include <quire/pgtable.h>

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
