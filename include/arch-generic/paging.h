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
 * Switch this CPU from the boot mapping to the kernel root, for good. Both map the image and the direct map window at
 * the same addresses. arch/ code also calls this on CPUs that are started later.
 */
void arch_pt_activate_kernel(const struct pt_root *kernel);

/*
 * Load `root` as this CPU's user page tables. NULL: no user tables, only the kernel's (whose root was given to
 * arch_pt_activate_kernel). Stale user translations are gone afterwards if the machine has no ASIDs, or if it has them
 * and the root's ASID is 0. Interrupts off.
 */
void arch_pt_activate_user(const struct pt_root *root);

/*
 * The same for a root that has an ASID (if the machine has them) or NULL, when the last one had one, too.
 * ARCH_SWITCH_ROOT: the machine has a shorter way, inline in arch/tlb.h; it loads root->word, which arch_root_word()
 * has made.
 */
#ifndef ARCH_SWITCH_ROOT
static inline u64 arch_root_word(const struct pt_root *root) { return paddr_value(root->table); }
static inline void arch_pt_switch_user(const struct pt_root *root) { arch_pt_activate_user(root); }
#endif

/*
 * Describe a present raw entry for people: where it points, and what its bits allow and remember, with the manual's
 * names of the bits. arch/<machine>/pte_text.c.
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
