/* SPDX-License-Identifier: MIT */
/* The one walker for all page-table formats, as functions. What differs between formats is in arch/pgtable.h. */
#include <quire/pgtable.h>

pte_t *pt_walk(const struct pt_root *root, vaddr_t addr, unsigned *level)
{
    return pt_walk_inline(root, addr, level);
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
