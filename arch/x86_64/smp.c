/* SPDX-License-Identifier: MIT */
/*
 * Starting the other CPUs: INIT and start-up interrupts (Intel SDM 3A 8.4.4). They begin in real
 * mode at a copy of entry.S's trampoline in TRAMPOLINE_PA, which boot/x86_64.c keeps free.
 *
 * Under -icount a CPU that takes INIT makes the clock jump to the next event of the machine, often by 55 ms. So this
 * code makes events: this CPU's timer keeps running out while it waits. timer_interrupt() finds no deadline due and
 * sets the timer again.
 */
#include <arch-generic/machine.h>
#include <quire/errno.h>
#include <quire/string.h>
#include "platform.h"

/* The 10 ms that the SDM requires after INIT are for the 82489DX; later CPUs need no wait. */
#define INIT_DELAY_NS      10000
#define STARTUP_TIMEOUT_NS 1000000
#define LAST_TIMEOUT_NS    200000000
#define EVENT_TICKS        2000 /* of the local APIC's timer */

extern const u8 trampoline_start[], trampoline_end[];

void __noreturn secondary_entry(struct percpu *cpu);

struct percpu *starting_cpu; /* read by secondary_start in entry.S */
static bool started;

static bool wait_started(u64 ns)
{
    u64 end = arch_clock_ns() + ns;

    while (!READ_ONCE(started) && arch_clock_ns() < end) {
        lapic_write(LAPIC_TIMER_INITIAL, EVENT_TICKS);
        cpu_relax();
    }
    return READ_ONCE(started);
}

int arch_cpu_start(unsigned cpu)
{
    u32 apic_id = (u32)cpu_area(cpu)->hwid;
    u32 startup = LAPIC_ICR_STARTUP | TRAMPOLINE_PA >> PAGE_SHIFT;

    memcpy(phys_to_window(TRAMPOLINE_PA), trampoline_start, (size_t)(trampoline_end - trampoline_start));
    starting_cpu = cpu_area(cpu);
    WRITE_ONCE(started, false);
    lapic_send(apic_id, LAPIC_ICR_INIT);
    wait_started(INIT_DELAY_NS);
    lapic_send(apic_id, startup);
    if (wait_started(STARTUP_TIMEOUT_NS))
        return 0;
    lapic_send(apic_id, startup); /* a running CPU ignores the second one */
    return wait_started(LAST_TIMEOUT_NS) ? 0 : -EIO;
}

/* Called from entry.S, on the idle stack, with the kernel root loaded. */
void __noreturn secondary_entry(struct percpu *cpu)
{
    cpu_load_tables(cpu);
    WRITE_ONCE(started, true);
    secondary_main();
}
