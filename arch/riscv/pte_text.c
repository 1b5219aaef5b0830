/* SPDX-License-Identifier: MIT */
/* Sv39 entries in words (Privileged ISA 4.4.1, Svnapot 5.1). */
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

    strlcpy(text, leaf ? "leaf:" : "table:", size);
    if (!leaf) {
        add(text, size, true, "V and none of R, W, X: the next table");
        return;
    }
    add(text, size, !pte_accessible(e), "V clear: allows nothing,");
    add(text, size, e.v & PTE_R, "R");
    add(text, size, e.v & PTE_W, "W");
    add(text, size, e.v & PTE_X, "X");
    add(text, size, e.v & PTE_U, "U(ser)");
    add(text, size, e.v & PTE_G, "G(lobal)");
    add(text, size, e.v & PTE_A, "A(ccessed)");
    add(text, size, e.v & PTE_D, "D(irty)");
    add(text, size, e.v & PTE_N, "N: one of 16 (Svnapot)");
}
