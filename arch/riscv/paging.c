/* SPDX-License-Identifier: MIT */
/*
 * Loading page-table roots into satp: arch/tlb.h.
 * One root holds both halves, so a hart without a user address space runs on the kernel's.
 */
#include <arch-generic/paging.h>
#include <arch/cpu.h>
#include "paging.h"

static const struct pt_root *kernel_root;

const struct pt_root *paging_kernel_root(void) { return kernel_root; }

void arch_pt_activate_kernel(const struct pt_root *kernel)
{
    kernel_root = kernel;
    csr_write(satp, arch_root_word(kernel));
    arch_tlb_flush_all(); /* the boot tables' entries aren't global, but have ASID 0 too */
}

void arch_pt_activate_user(const struct pt_root *root) { csr_write(satp, arch_root_word(root ? root : kernel_root)); }
