/* SPDX-License-Identifier: MIT */
/*
 * Contract: CPUs, interrupts, timer, console, power. Drivers are initialised from the facts that boot/ found (struct
 * boot_info).
 */
#pragma once

#include <quire/types.h>
#include <quire/boot_info.h>
#include <quire/percpu.h>

/*
 * Set this CPU up: trap vectors, user-access protection, floating point, its part of the interrupt
 * controller, its timer. Called once on every CPU, when this_cpu() is set, the final page tables are active and
 * interrupts are off. On the boot CPU arch_machine_init() comes before it.
 */
void arch_cpu_init(void);

/* Boot CPU, once, final page tables active: interrupt controller, timer calibration (<= 0.5 ms). */
void arch_machine_init(const struct boot_info *boot);

/*
 * Start CPU `cpu` (index). It will run secondary_main() with this_cpu() == cpu_area(cpu) on the stack
 * that ends at cpu_area(cpu)->kernel_sp, with the kernel root active. 0, or negative error if the
 * firmware refuses. Boot CPU only, one at a time; the caller waits for cpu_area(cpu)->online.
 */
int arch_cpu_start(unsigned cpu);

void arch_ipi_send(unsigned cpu); /* leads to trap_ipi() there; orders earlier stores before it */

/*
 * Wait for an interrupt with interrupts off on entry and on return; pending ones are taken before it
 * returns. An interrupt that became pending after the caller's last check isn't lost.
 */
void arch_idle(void);

/* Nanoseconds since some point before boot; the same on all CPUs within the machine's precision. */
u64 arch_clock_ns(void);
/*
 * trap_timer() on this CPU once arch_clock_ns() >= deadline; ~0: never. Replaces the last deadline. Any other deadline
 * is at most about 1000 seconds away, so no machine has to check for overflows.
 */
void arch_timer_set(u64 deadline_ns);

/*
 * Interrupts of devices, by the machine's own numbers, below ARCH_NR_INTERRUPTS of <arch/cpu.h>. All come to the boot
 * CPU, by trap_interrupt(). The caller makes sure that no two CPUs are in these functions at once; interrupts are off.
 */
/*
 * The source asks for service by a level, or by an edge. It is masked now. 0; -ENODEV: there is no such source; -EBUSY:
 * it is the kernel's own; -EINVAL: the controller can't be told so.
 */
int arch_interrupt_set_up(u32 number, bool edge);
void arch_interrupt_mask(u32 number);
void arch_interrupt_unmask(u32 number);
/* A request that comes while the source is masked is delivered when it is unmasked. False: it would be lost. */
bool arch_interrupt_keeps(u32 number);

/* Console. write: polled, raw, from any context, before arch_machine_init() too. */
void arch_console_write(const char *text, size_t len);
int arch_console_getc(void);          /* -1: nothing there */
void arch_console_rx_enable(bool on); /* on: trap_console_rx() reports input; off: it stays in the device */

/* End QEMU with the given status as far as the machine can (0..127); never returns. */
void __noreturn arch_poweroff(int status);
/* Stop this CPU for ever, interrupts off. */
void __noreturn arch_halt(void);

/* Hardware features in a few words for the boot message, e.g. "Sv39, ASID 16 bits, Sstc". */
const char *arch_features(void);

/* Up to 8 bytes of hardware entropy; false: this machine has none. */
bool arch_random(u64 *value);
