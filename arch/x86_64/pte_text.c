/* SPDX-License-Identifier: MIT */
/* x86_64 entries in words (Intel SDM 3A 4.5). */
#include <arch-generic/pte_text.h>

void arch_pte_text(pte_t e, unsigned level, char *text, size_t size)
{
    bool leaf = level == 0 || pde_leaf(e, level);

    strlcpy(text, !leaf ? "table:" : level ? "block (PS):" : "page:", size);
    pte_text_add(text, size, !pte_accessible(e), "P clear: allows nothing,");
    pte_text_add(text, size, e.v & PTE_P, "P(resent)");
    pte_text_add(text, size, e.v & PTE_W, "W");
    pte_text_add(text, size, e.v & PTE_U, "U(ser)");
    pte_text_add(text, size, leaf && e.v & PTE_NX, "XD (no execute)");
    pte_text_add(text, size, e.v & PTE_A, "A(ccessed)");
    pte_text_add(text, size, leaf && e.v & PTE_D, "D(irty)");
    pte_text_add(text, size, leaf && e.v & PTE_G, "G(lobal)");
    pte_text_add(text, size, leaf && e.v & PTE_PCD, "PCD (uncached)");
    pte_text_add(text, size, leaf && e.v & PTE_GROUP, "software: one of a group of 16");
}
