/* SPDX-License-Identifier: MIT */
/*
 * Other harts: started by SBI HSM, interrupted by SBI IPI.
 *
 * Under -icount QEMU runs only the hart that spins until the machine's next event, and during the start there is no
 * event for two seconds. So this code makes events: this hart's timer keeps running out.
 */
#include <arch-generic/machine.h>
#include <arch-generic/paging.h>
#include <arch/layout.h>
#include <arch/sbi.h>
#include <quire/errno.h>
#include "paging.h"

#define START_TIMEOUT_NS 100000000
#define EVENT_NS         10000

void secondary_entry(void);
void secondary_paging(void);
extern struct percpu *hart_starting;
struct percpu *hart_starting; /* for a hart that doesn't get it from the firmware, entry.S */

int arch_cpu_start(unsigned cpu)
{
    struct percpu *area = cpu_area(cpu);
    u64 entry = (u64)secondary_entry - KERNEL_VA_OFFSET;

    __atomic_store_n(&hart_starting, area, __ATOMIC_SEQ_CST);
    if (sbi_call(SBI_HSM, 0, area->hwid, entry, (u64)area).error)
        return -EIO;
    u64 end = arch_clock_ns() + START_TIMEOUT_NS;
    while (!READ_ONCE(area->online) && arch_clock_ns() < end) {
        arch_timer_set(arch_clock_ns() + EVENT_NS);
        cpu_relax();
    }
    arch_timer_set(~0UL);
    return 0; /* the caller waits for the hart */
}

void secondary_paging(void) { arch_pt_activate_kernel(paging_kernel_root()); }

void arch_ipi_send(unsigned cpu)
{
    arch_io_fence();
    sbi_call(SBI_IPI, 0, 1, cpu_area(cpu)->hwid, 0); /* mask 1, base = the hart itself */
}
