/* SPDX-License-Identifier: MIT */
/* DAT table entries in words (Principles of Operation, chapter 3). */
#include <arch-generic/pte_text.h>

void arch_pte_text(pte_t e, unsigned level, char *text, size_t size)
{
    u64 software = level ? e.v >> PDE_SOFTWARE_SHIFT : e.v;

    if (level && !pde_leaf(e, level)) {
        strlcpy(text, level == 2 ? "region-third entry: a segment table" : "segment entry: a page table", size);
        return;
    }
    strlcpy(text, level ? "segment entry with FC, a frame:" : "page entry:", size);
    pte_text_add(text, size, e.v & (level ? PDE_INVALID : PTE_INVALID), "I (any access faults)");
    pte_text_add(text, size, e.v & PTE_PROTECT, "P (stores fault)");
    pte_text_add(text, size, e.v & PTE_NO_EXEC, "no-execute;");
    pte_text_add(text, size, true, "software:");
    pte_text_add(text, size, software & PTE_READ, "read");
    pte_text_add(text, size, software & PTE_WRITE, "write");
    pte_text_add(text, size, software & PTE_USER, "user");
    pte_text_add(text, size, software & PTE_YOUNG, "young");
    pte_text_add(text, size, software & PTE_DIRTY, "dirty");
    pte_text_add(text, size, software & PTE_GROUP, "one of a group of 16");
}
