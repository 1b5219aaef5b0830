/* SPDX-License-Identifier: MIT */
/* Sv39 entries in words (Privileged ISA 4.4.1, Svnapot 5.1). */
#include <arch-generic/pte_text.h>

void arch_pte_text(pte_t e, unsigned level, char *text, size_t size)
{
    bool leaf = level == 0 || pde_leaf(e, level);

    strlcpy(text, leaf ? "leaf:" : "table:", size);
    if (!leaf) {
        pte_text_add(text, size, true, "V and none of R, W, X: the next table");
        return;
    }
    pte_text_add(text, size, !pte_accessible(e), "V clear: allows nothing,");
    pte_text_add(text, size, e.v & PTE_R, "R");
    pte_text_add(text, size, e.v & PTE_W, "W");
    pte_text_add(text, size, e.v & PTE_X, "X");
    pte_text_add(text, size, e.v & PTE_U, "U(ser)");
    pte_text_add(text, size, e.v & PTE_G, "G(lobal)");
    pte_text_add(text, size, e.v & PTE_A, "A(ccessed)");
    pte_text_add(text, size, e.v & PTE_D, "D(irty)");
    pte_text_add(text, size, e.v & PTE_N, "N: one of 16 (Svnapot)");
    pte_text_add(text, size, e.v & PTE_GROUP, "software: one of a group of 16");
}
