/* SPDX-License-Identifier: MIT */
/* Other harts: started by SBI HSM, interrupted by SBI IPI. */
#include <arch-generic/machine.h>
#include <arch-generic/paging.h>
#include <arch/layout.h>
#include <arch/sbi.h>
#include <quire/errno.h>
#include "paging.h"

void secondary_entry(void);
void secondary_paging(void);

int arch_cpu_start(unsigned cpu)
{
    struct percpu *area = cpu_area(cpu);
    u64 entry = (u64)secondary_entry - KERNEL_VA_OFFSET;

    return sbi_call(SBI_HSM, 0, area->hwid, entry, (u64)area).error ? -EIO : 0;
}

void secondary_paging(void) { arch_pt_activate_kernel(paging_kernel_root()); }

void arch_ipi_send(unsigned cpu)
{
    arch_io_fence();
    sbi_call(SBI_IPI, 0, 1, cpu_area(cpu)->hwid, 0); /* mask 1, base = the hart itself */
}
