/* SPDX-License-Identifier: MIT */
/*
 * Ending the machine: QEMU's isa-debug-exit device, whose exit status for a value v is 2 * v + 1. This is never 0, so
 * success is 33, a number that nothing else gives by accident; failures are 65..127.
 */
#include <arch-generic/machine.h>
#include "platform.h"

#define DEBUG_EXIT_PORT 0xf4
#define EXIT_PASS       0x10
#define EXIT_FAIL       0x20 /* + five bits of the status */

void __noreturn arch_poweroff(int status)
{
    arch_irq_disable();
    port_write32(DEBUG_EXIT_PORT, status ? EXIT_FAIL | ((u32)status & 0x1f) : EXIT_PASS);
    arch_halt(); /* newer QEMUs run on for a while, so nothing else may be executed */
}

void __noreturn arch_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt" ::: "memory");
}
