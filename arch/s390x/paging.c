/* SPDX-License-Identifier: MIT */
/*
 * Loading page-table roots. CR13 holds the kernel's address-space-control element and never changes; CR1 holds the
 * current user's (chapter 3 "Storage", Address-Space-Control Element). CR7, the secondary space, is an empty space on
 * every CPU. If it were 0, it would mean a segment table at absolute 0, where the lowcore is; and QEMU lets programs go
 * to secondary-space mode by SACF.
 */
#include <arch-generic/paging.h>
#include <quire/percpu.h>

#define NO_USER_ENTRIES 512 /* the shortest table: 1 TiB, the first quarter */

u64 s390x_kernel_asce;
u64 s390x_no_user_asce;

/* The table of CR1 when there is no user: every address ends in a translation exception. */
static pte_t no_user_table[NO_USER_ENTRIES] __aligned(4096);

#define load_control(n, value)                                                                     \
    do {                                                                                           \
        u64 control_ = (value);                                                                    \
        __asm__ volatile("lctlg %%c" #n ",%%c" #n ",%0" ::"Q"(control_) : "memory");               \
    } while (0)

void arch_pt_activate_kernel(const struct pt_root *kernel)
{
    struct psw next = {PSW_KERNEL, 0};
    u64 here;

    for (unsigned i = 0; i < NO_USER_ENTRIES; i++)
        no_user_table[i] = pte_empty(2);
    s390x_no_user_asce = (u64)no_user_table | ASCE_PRIVATE | ASCE_REGION_THIRD;
    s390x_kernel_asce = paddr_value(kernel->table) | ASCE_KERNEL_FLAGS;
    load_control(1, s390x_no_user_asce);
    load_control(7, s390x_no_user_asce);
    load_control(13, s390x_kernel_asce);
    lowcore_set_vectors(&lowcore, PSW_KERNEL);
    __asm__ volatile("larl %0,1f\n\t"
                     "stg %0,8(%1)\n\t"
                     "lpswe 0(%1)\n"
                     "1:"
                     : "=&a"(here)
                     : "a"(&next)
                     : "memory", "cc");
}

void arch_pt_activate_user(const struct pt_root *root)
{
    arch_pt_switch_user(root);
}
