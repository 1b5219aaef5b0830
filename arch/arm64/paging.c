/* SPDX-License-Identifier: MIT */
/*
 * Loading page-table roots: TTBR1_EL1 for the kernel, once; TTBR0_EL1 for user space, with the ASID
 * in its upper 16 bits (Arm ARM, TTBR0_EL1). Without a user address space TTBR0_EL1 has an empty table, so that nothing
 * is mapped at 0, and no process's memory can be reached.
 */
#include <arch-generic/paging.h>
#include <arch/cpu.h>

#define TTBR_TABLE_MASK 0x0000fffffffff000UL

/* entry.S */
extern const pte_t empty_table[];
void arm64_replace_kernel_table(u64 table);

u64 arm64_clean_rdonly;
u64 arm64_kernel_table; /* for the CPUs that are started later, entry.S */

static u64 empty_pa(void) { return (u64)empty_table - KERNEL_VA_OFFSET; }

void arch_pt_activate_kernel(const struct pt_root *kernel)
{
    arm64_kernel_table = paddr_value(kernel->table);
    arm64_replace_kernel_table(arm64_kernel_table);
}

/* ASID 0 is shared by all address spaces that have no ASID of their own. */
static bool untagged(u64 ttbr)
{
    return !(ttbr >> TTBR_ASID_SHIFT) && (ttbr & TTBR_TABLE_MASK) != empty_pa();
}

void arch_pt_activate_user(const struct pt_root *root)
{
    u64 last = sysreg_read(ttbr0_el1), next = empty_pa();

    if (root)
        next = arch_root_word(root);
    sysreg_write(ttbr0_el1, next);
    isb();
    if (untagged(last) || untagged(next))
        __asm__ volatile("tlbi aside1, xzr; dsb nsh; isb" ::: "memory");
}
