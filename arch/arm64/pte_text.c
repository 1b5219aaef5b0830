/* SPDX-License-Identifier: MIT */
/* VMSAv8-64 entries in words (Arm ARM, "Translation table descriptor formats"). */
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
    bool leaf = level == 0 || pde_leaf(e, level);

    strlcpy(text, !leaf ? "table:" : level ? "block:" : "page:", size);
    if (!leaf) {
        add(text, size, true, "type 3, the next table");
        return;
    }
    add(text, size, !pte_accessible(e), "bit 0 clear: allows nothing,");
    add(text, size, e.v & PTE_DBM, "DBM (writable)");
    add(text, size, e.v & PTE_RDONLY, "AP[2] (stores fault)");
    add(text, size, e.v & PTE_USER, "AP[1] (user)");
    add(text, size, e.v & PTE_UXN, "UXN");
    add(text, size, e.v & PTE_PXN, "PXN");
    add(text, size, e.v & PTE_AF, "AF (accessed)");
    add(text, size, e.v & PTE_SW_DIRTY, "software: dirty");
    add(text, size, !(e.v & PTE_NG), "global");
    add(text, size, e.v & PTE_CONT, "contiguous: one of 16");
}
