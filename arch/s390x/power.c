/* SPDX-License-Identifier: MIT */
/*
 * Ending the machine. A wait with all interruptions disabled stops a CPU for ever, and ends QEMU if it is the last
 * running CPU. The address in the PSW tells success from failure. With `-action panic=exit-failure`
 * QEMU's status is 0 for STOP_SUCCESS and 1 for anything else; the exact status is in the address, which QEMU's monitor
 * shows, and in the console's last line.
 */
#include <arch-generic/machine.h>
#include "irq.h"

int sigp(u16 address, unsigned order, u64 parameter)
{
    register u64 status __asm__("r1") = parameter; /* an odd R1 field: parameter and status */
    int cc;

    __asm__ volatile("sigp %1,%2,0(%3)\n\t"
                     "ipm %0\n\tsrl %0,28"
                     : "=d"(cc), "+d"(status)
                     : "d"((u64)address), "a"((u64)order)
                     : "cc", "memory");
    return cc;
}

static void __noreturn stop(u64 address)
{
    struct psw wait = {PSW_STOP, address};

    for (;;)
        __asm__ volatile("lpswe %0" ::"Q"(wait) : "memory");
}

/* Stop another CPU and wait until it has stopped: a CPU that stops after this one has ended would look like success. */
#define STOP_TRIES 1000000
static void stop_cpu(u16 address)
{
    while (sigp(address, SIGP_STOP, 0) == 2) /* busy */
        cpu_relax();
    for (unsigned i = 0; i < STOP_TRIES && sigp(address, SIGP_SENSE, 0) != 1; i++) /* no status stored: it still runs */
        cpu_relax();
}

void __noreturn arch_poweroff(int status)
{
    static char ending;

    arch_irq_disable();
    if (__atomic_test_and_set(&ending, __ATOMIC_RELAXED))
        arch_halt(); /* another CPU ends the machine; two CPUs that stop each other would look like success */
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu != this_cpu()->cpu)
            stop_cpu((u16)cpu_area(cpu)->hwid);
    stop(status ? STOP_FAILURE + ((u64)status & 0x7f) : STOP_SUCCESS);
}

void __noreturn arch_halt(void)
{
    stop(STOP_HALT);
}
