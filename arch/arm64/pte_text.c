/* SPDX-License-Identifier: MIT */
/* VMSAv8-64 entries in words (Arm ARM, "Translation table descriptor formats"). */
#include <arch-generic/pte_text.h>

void arch_pte_text(pte_t e, unsigned level, char *text, size_t size)
{
    bool leaf = level == 0 || pde_leaf(e, level);

    strlcpy(text, !leaf ? "table:" : level ? "block:" : "page:", size);
    if (!leaf) {
        pte_text_add(text, size, true, "type 3, the next table");
        return;
    }
    pte_text_add(text, size, !pte_accessible(e), "bit 0 clear: allows nothing,");
    pte_text_add(text, size, e.v & PTE_DBM, "DBM (writable)");
    pte_text_add(text, size, e.v & PTE_RDONLY, "AP[2] (stores fault)");
    pte_text_add(text, size, e.v & PTE_USER, "AP[1] (user)");
    pte_text_add(text, size, e.v & PTE_UXN, "UXN");
    pte_text_add(text, size, e.v & PTE_PXN, "PXN");
    pte_text_add(text, size, e.v & PTE_AF, "AF (accessed)");
    pte_text_add(text, size, e.v & PTE_SW_DIRTY, "software: dirty");
    pte_text_add(text, size, !(e.v & PTE_NG), "global");
    pte_text_add(text, size, e.v & PTE_CONT, "contiguous: one of 16");
}
