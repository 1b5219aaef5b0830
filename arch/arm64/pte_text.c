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

#define PTE_CONTIGUOUS (1UL << 52)
#define CONTIGUOUS_ENTRIES 16

u64 arch_pte_reach(pte_t e, unsigned level)
{
    return (1UL << (PT_SHIFT(level) - PAGE_SHIFT)) * (e.v & PTE_CONTIGUOUS ? CONTIGUOUS_ENTRIES : 1);
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
    add(text, size, e.v & PTE_CONTIGUOUS, "contiguous: one of 16");
}
