/* SPDX-License-Identifier: MIT */
/*
 * Loading page-table roots: satp = mode 8 (Sv39), 16 bits of ASID, frame number (Privileged ISA 4.1.11).
 * One root holds both halves, so a hart without a user address space runs on the kernel's.
 */
#include <arch-generic/paging.h>
#include <arch/cpu.h>
#include "paging.h"

#define SATP_SV39 (8UL << 60)
#define SATP_ASID_SHIFT 44

static const struct pt_root *kernel_root;

const struct pt_root *paging_kernel_root(void) { return kernel_root; }

static void load(const struct pt_root *root)
{
    csr_write(satp, SATP_SV39 | root->asid << SATP_ASID_SHIFT | paddr_to_pfn(root->table));
}

void arch_pt_activate_kernel(const struct pt_root *kernel)
{
    kernel_root = kernel;
    load(kernel);
    arch_tlb_flush_all(); /* the boot tables' entries aren't global, but have ASID 0 too */
}

void arch_pt_activate_user(const struct pt_root *root) { load(root ? root : kernel_root); }
