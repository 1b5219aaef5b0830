/* SPDX-License-Identifier: MIT */
/*
 * Loading page-table roots: CR3 (Intel SDM 3A 4.5.2). One root holds both halves, so a CPU without
 * a user address space runs on the kernel's. Every load drops all but global translations.
 */
#include <arch-generic/paging.h>
#include <arch/cpu.h>
#include "platform.h"

u64 kernel_table; /* read by secondary_start in entry.S */

void arch_pt_activate_kernel(const struct pt_root *kernel)
{
    kernel_table = paddr_value(kernel->table);
    write_cr(3, kernel_table);
}

void arch_pt_activate_user(const struct pt_root *root)
{
    write_cr(3, root ? paddr_value(root->table) : kernel_table);
}
