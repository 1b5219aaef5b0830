/* SPDX-License-Identifier: MIT */
/* The walker for all page-table formats, as functions. The differences between formats are in arch/pgtable.h. */
#include <quire/pgtable.h>

pte_t *pt_walk_above(const struct pt_root *root, vaddr_t addr, unsigned *level, pte_t *above)
{
    return pt_walk_inline(root, addr, level, above);
}

pte_t *pt_walk(const struct pt_root *root, vaddr_t addr, unsigned *level)
{
    pte_t above;
    return pt_walk_inline(root, addr, level, &above);
}

pte_t pt_lookup(const struct pt_root *root, vaddr_t addr)
{
    unsigned level;
    pte_t above, *entry = pt_walk_inline(root, addr, &level, &above);

    if (level == 0)
        return pte_load(entry);
    if (!pde_present(above, level))
        return pte_empty(0);
    return pte_of_block(above, level, (addr & (pt_span(level) - 1)) >> PAGE_SHIFT);
}
