/* SPDX-License-Identifier: MIT */
/*
 * Contract: loading page-table roots. Entry formats are in arch/pgtable.h, flushes in arch/tlb.h.
 */
#pragma once

#include <quire/types.h>
#include <quire/pt_root.h>
#include <arch/pgtable.h>
#include <arch/tlb.h>

/*
 * Switch this CPU from the boot mapping to the kernel root, for good. Both map the image and the
 * direct map window at the same addresses. Also used for the started CPUs, by arch code.
 */
void arch_pt_activate_kernel(const struct pt_root *kernel);

/*
 * Load `root` as this CPU's user page tables; NULL: none, only the kernel (whose root was given to
 * arch_pt_activate_kernel). Where the root's ASID is 0 and the machine tags by ASID, or it has no
 * tags, stale user translations are gone afterwards. Interrupts off.
 */
void arch_pt_activate_user(const struct pt_root *root);

/*
 * A present entry, as it is stored, in words, for people: what it points to and what its bits allow and remember, by
 * the manual's names of them. arch/<machine>/pte_text.c.
 */
void arch_pte_text(pte_t e, unsigned level, char *text, size_t size);

/* Fill a new table of this level with empty entries. `table` is PT_TABLE_BYTES(level) long. */
static inline void pt_table_init(pte_t *table, unsigned level)
{
    pte_t empty = pte_empty(level);
    for (unsigned long i = 0; i < PT_ENTRIES(level); i += 8) {
        table[i] = table[i + 1] = table[i + 2] = table[i + 3] = empty;
        table[i + 4] = table[i + 5] = table[i + 6] = table[i + 7] = empty;
    }
}
