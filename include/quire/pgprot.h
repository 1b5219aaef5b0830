/* SPDX-License-Identifier: MIT */
/*
 * Protection, independent of the page-table format. arch/pgtable.h turns them into entries (pfn_pte) and answers
 * questions about entries (pte_write, ...).
 */
#pragma once

#include <quire/types.h>

typedef u32 pgprot_t;

#define PGPROT_READ (1u << 0)   /* without it the entry keeps its frame (pte_present() is true) but every
                                   access faults: PROT_NONE; pte_accessible() tells */
#define PGPROT_WRITE (1u << 1)
#define PGPROT_EXEC (1u << 2)
#define PGPROT_USER (1u << 3)   /* user mode may use it; without it: kernel only, global */
#define PGPROT_DEVICE (1u << 4) /* device registers: uncached, ordered */
#define PGPROT_OLD (1u << 5)    /* not referenced yet (entries are young by default) */
#define PGPROT_DIRTY (1u << 6)  /* already written */

#define PGPROT_KERNEL_RO PGPROT_READ
#define PGPROT_KERNEL_RX (PGPROT_READ | PGPROT_EXEC)
#define PGPROT_KERNEL_RW (PGPROT_READ | PGPROT_WRITE | PGPROT_DIRTY)
#define PGPROT_KERNEL_DEVICE (PGPROT_KERNEL_RW | PGPROT_DEVICE)
