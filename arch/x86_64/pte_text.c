/* SPDX-License-Identifier: MIT */
/* x86_64 entries in words (Intel SDM 3A 4.5). */
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

    strlcpy(text, !leaf ? "table:" : level ? "block (PS):" : "page:", size);
    add(text, size, !pte_accessible(e), "P clear: allows nothing,");
    add(text, size, e.v & PTE_P, "P(resent)");
    add(text, size, e.v & PTE_W, "W");
    add(text, size, e.v & PTE_U, "U(ser)");
    add(text, size, leaf && e.v & PTE_NX, "XD (no execute)");
    add(text, size, e.v & PTE_A, "A(ccessed)");
    add(text, size, leaf && e.v & PTE_D, "D(irty)");
    add(text, size, leaf && e.v & PTE_G, "G(lobal)");
    add(text, size, leaf && e.v & PTE_PCD, "PCD (uncached)");
}
