/* SPDX-License-Identifier: MIT */
/*
 * Loading page-table roots: TTBR1_EL1 for the kernel, once; TTBR0_EL1 for user space, with the ASID
 * in its upper 16 bits (Arm ARM, TTBR0_EL1). Without a user address space TTBR0_EL1 has an empty
 * table, so that nothing is mapped at 0 and nobody else's memory is in reach.
 */
#include <arch-generic/paging.h>
#include <arch/cpu.h>
#include "paging.h"

#define TTBR_TABLE_MASK 0x0000fffffffff000UL

extern const pte_t boot_table[], empty_table[]; /* entry.S */
void arm64_replace_kernel_table(u64 table, u64 boot, u64 empty);

u64 arm64_clean_rdonly;
static const struct pt_root *kernel_root;

const struct pt_root *paging_kernel_root(void) { return kernel_root; }

static u64 image_pa(const void *p) { return (u64)p - KERNEL_VA_OFFSET; }

void arch_pt_activate_kernel(const struct pt_root *kernel)
{
    kernel_root = kernel;
    arm64_replace_kernel_table(paddr_value(kernel->table), image_pa(boot_table),
                               image_pa(empty_table));
    sysreg_write(ttbr0_el1, image_pa(empty_table));
    isb();
    __asm__ volatile("tlbi vmalle1; dsb nsh; isb" ::: "memory"); /* the identity mapping */
}

/* Translations of ASID 0 belong to whoever runs without an ASID of its own. */
static bool untagged(u64 ttbr)
{
    return !(ttbr >> TTBR_ASID_SHIFT) && (ttbr & TTBR_TABLE_MASK) != image_pa(empty_table);
}

void arch_pt_activate_user(const struct pt_root *root)
{
    u64 last = sysreg_read(ttbr0_el1), next = image_pa(empty_table);

    if (root)
        next = paddr_value(root->table) | root->asid << TTBR_ASID_SHIFT;
    sysreg_write(ttbr0_el1, next);
    isb();
    if (untagged(last) || untagged(next))
        __asm__ volatile("tlbi aside1, xzr; dsb nsh; isb" ::: "memory");
}

paddr_t arch_pt_active_table(void)
{
    u64 table = sysreg_read(ttbr0_el1) & TTBR_TABLE_MASK;

    if (table == image_pa(empty_table))
        table = sysreg_read(ttbr1_el1) & TTBR_TABLE_MASK;
    return mk_paddr(table);
}
