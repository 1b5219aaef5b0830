/* SPDX-License-Identifier: MIT */
/* DAT table entries in words (Principles of Operation, chapter 3). */
#include <quire/printf.h>
#include <quire/string.h>
#include <arch-generic/paging.h>

static void add(char *text, size_t size, bool wanted, const char *word)
{
    size_t len = strlen(text);

    if (wanted)
        snprintf(text + len, size - len, " %s", word);
}

void arch_pte_text(pte_t e, unsigned level, char *text, size_t size)
{
    u64 software = level ? e.v >> PDE_SOFTWARE_SHIFT : e.v;

    if (level && !pde_leaf(e, level)) {
        strlcpy(text, level == 2 ? "region-third entry: a segment table" : "segment entry: a page table", size);
        return;
    }
    strlcpy(text, level ? "segment entry with FC, a frame:" : "page entry:", size);
    add(text, size, e.v & (level ? PDE_INVALID : PTE_INVALID), "I (any access faults)");
    add(text, size, e.v & PTE_PROTECT, "P (stores fault)");
    add(text, size, e.v & PTE_NO_EXEC, "no-execute;");
    add(text, size, true, "software:");
    add(text, size, software & PTE_READ, "read");
    add(text, size, software & PTE_WRITE, "write");
    add(text, size, software & PTE_USER, "user");
    add(text, size, software & PTE_YOUNG, "young");
    add(text, size, software & PTE_DIRTY, "dirty");
}
