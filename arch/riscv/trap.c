/* SPDX-License-Identifier: MIT */
/*
 * Finding out what a trap was, and making the right up-call (Privileged ISA 4.1.8, table of supervisor cause values).
 * Entered from trap.S with interrupts off.
 */
#include <arch-generic/machine.h>
#include <arch-generic/context.h>
#include <quire/upcalls.h>
#include "irq.h"

#define CAUSE_INTERRUPT (1UL << 63)
#define IRQ_SOFTWARE 1
#define IRQ_TIMER 5
#define IRQ_EXTERNAL 9

#define CAUSE_MISALIGNED_FETCH 0
#define CAUSE_ACCESS_FETCH 1
#define CAUSE_ILLEGAL 2
#define CAUSE_BREAKPOINT 3
#define CAUSE_MISALIGNED_LOAD 4
#define CAUSE_ACCESS_LOAD 5
#define CAUSE_MISALIGNED_STORE 6
#define CAUSE_ACCESS_STORE 7
#define CAUSE_PAGE_FETCH 12
#define CAUSE_PAGE_LOAD 13
#define CAUSE_PAGE_STORE 15

#define SIP_SSIP (1UL << 1)

void trap_from_user(struct trapframe *tf, u64 cause);
void trap_from_kernel(struct trapframe *tf, u64 cause);

/* Not inline, so that the way of a page fault saves no registers for it: six instructions. */
static __noinline void interrupt(const struct trapframe *tf, u64 number)
{
    switch (number) {
    case IRQ_SOFTWARE:
        csr_clear(sip, SIP_SSIP);
        trap_ipi();
        break;
    case IRQ_TIMER:
        arch_timer_set(~0UL);
        trap_timer(tf);
        break;
    case IRQ_EXTERNAL:
        plic_dispatch();
        break;
    }
}

/* The access of a page fault; 0: the trap is no page fault. */
static unsigned page_fault_access(u64 cause)
{
    static const u8 access[] = {
        [CAUSE_PAGE_FETCH] = ACCESS_EXEC, [CAUSE_PAGE_LOAD] = ACCESS_READ, [CAUSE_PAGE_STORE] = ACCESS_WRITE};
    return cause < ARRAY_SIZE(access) ? access[cause] : 0;
}

/* cause and stval are stored only here, because system calls and interrupts don't need them. */
static void exception(struct trapframe *tf, u64 cause)
{
    tf->cause = cause;
    tf->value = csr_read(stval);
    switch (tf->cause) {
    case CAUSE_PAGE_FETCH:
    case CAUSE_PAGE_LOAD:
    case CAUSE_PAGE_STORE:
        trap_fault(tf, tf->value, page_fault_access(cause));
        break;
    case CAUSE_ILLEGAL:
        if (tf_user(tf) && !(tf->status & SSTATUS_FS) && trap_fpu(tf))
            break;
        trap_exception(tf, EXC_ILLEGAL, tf->cause, tf->pc);
        break;
    case CAUSE_BREAKPOINT:
        trap_exception(tf, EXC_BREAKPOINT, tf->cause, tf->pc);
        break;
    case CAUSE_MISALIGNED_FETCH:
    case CAUSE_MISALIGNED_LOAD:
    case CAUSE_MISALIGNED_STORE:
        trap_exception(tf, EXC_ALIGNMENT, tf->cause, tf->value);
        break;
    case CAUSE_ACCESS_FETCH:
    case CAUSE_ACCESS_LOAD:
    case CAUSE_ACCESS_STORE:
        trap_exception(tf, EXC_BUS, tf->cause, tf->value);
        break;
    default:
        trap_exception(tf, EXC_OTHER, tf->cause, tf->value);
    }
}

void trap_from_user(struct trapframe *tf, u64 cause)
{
    unsigned access;

    if (likely((access = page_fault_access(cause)) != 0)) { /* the frequent case needs no further call */
        tf->cause = cause;
        tf->value = csr_read(stval);
        trap_user_fault(tf, tf->value, access);
    } else if (cause & CAUSE_INTERRUPT) {
        interrupt(tf, cause & ~CAUSE_INTERRUPT);
    } else {
        exception(tf, cause);
    }
}

void trap_from_kernel(struct trapframe *tf, u64 cause)
{
    if (cause & CAUSE_INTERRUPT)
        interrupt(tf, cause & ~CAUSE_INTERRUPT);
    else
        exception(tf, cause);
}
