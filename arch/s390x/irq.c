/* SPDX-License-Identifier: MIT */
/*
 * External interruptions (chapter 6 "Interruptions", External Interruption): the timer, other CPUs, the service
 * processor. There is no controller: a CPU's CR0 says which of them it takes (cpu.c).
 */
#include <arch-generic/machine.h>
#include <quire/errno.h>
#include <quire/upcalls.h>
#include "irq.h"

#define EXT_CLOCK_COMPARATOR 0x1004
#define EXT_EMERGENCY_SIGNAL 0x1201
#define EXT_EXTERNAL_CALL    0x1202
#define EXT_SERVICE_SIGNAL   0x2401

/* A bit in the parameter of a service signal; the other bits are the address of the finished block, or 0. */
#define SERVICE_EVENT_PENDING 1u

void irq_dispatch(const struct trapframe *tf, u16 code, u32 parameter)
{
    switch (code) {
    case EXT_CLOCK_COMPARATOR:
        arch_timer_set(~0UL); /* the interruption stays pending while the clock is greater than the comparator */
        trap_timer(tf);
        break;
    case EXT_EMERGENCY_SIGNAL:
    case EXT_EXTERNAL_CALL:
        trap_ipi();
        break;
    case EXT_SERVICE_SIGNAL:
        if (parameter & SERVICE_EVENT_PENDING) /* otherwise only a call of the kernel is done */
            trap_console_rx();
        break;
    }
}

/* The only source is the service signal, and the kernel's own console listens to it. */
int arch_interrupt_set_up(u32 number, bool edge) { return (void)number, (void)edge, -EBUSY; }
void arch_interrupt_mask(u32 number) { (void)number; }
void arch_interrupt_unmask(u32 number) { (void)number; }
bool arch_interrupt_keeps(u32 number) { return (void)number, true; }
