/* SPDX-License-Identifier: MIT */
/* Other CPUs: PSCI starts them (Arm DEN 0022, 5.1.4 CPU_ON). irq.c sends them interrupts. */
#include <arch-generic/machine.h>
#include <arch/layout.h>
#include <arch/psci.h>
#include <quire/errno.h>

void secondary_entry(void);

int arch_cpu_start(unsigned cpu)
{
    struct percpu *area = cpu_area(cpu);
    u64 entry = (u64)secondary_entry - KERNEL_VA_OFFSET;

    dsb(ishst);
    return psci_call(PSCI_CPU_ON, area->hwid, entry, (u64)area) ? -EIO : 0;
}
