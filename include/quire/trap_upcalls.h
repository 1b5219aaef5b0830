/* SPDX-License-Identifier: MIT */
/*
 * How traps reach the kernel: arch/ calls these by name, kernel/traps/trap.c implements them.
 *
 * All are called with interrupts off and return with interrupts off. `tf` is the frame on the
 * current kernel stack that the machine will be restored from: changing it changes what happens next.
 */
#pragma once

#include <quire/types.h>

struct trapframe;

/* What an access wanted to do; also what a page-table entry allows. */
#define ACCESS_READ 1u
#define ACCESS_WRITE 2u
#define ACCESS_EXEC 4u
/* Or-ed in for kernel mode's access to its own space, where the address alone doesn't tell: with
   PT_KERNEL_IN_USER_ROOT 0 the same number may be a user address, and isn't. */
#define ACCESS_KERNEL 8u

enum exception {
    EXC_PROTECTION, /* an address that no table can map, or a privileged instruction; the machine won't say */
    EXC_ILLEGAL,    /* illegal, privileged or unknown instruction */
    EXC_BREAKPOINT, /* breakpoint or single step */
    EXC_ALIGNMENT,  /* misaligned access or jump */
    EXC_ARITHMETIC, /* integer or floating-point arithmetic */
    EXC_BUS,        /* the access reached nothing: bus error, addressing exception */
    EXC_OTHER,      /* anything else; `code` is the machine's own number */
};

/* A system call from user mode. The program counter already points behind the call instruction. */
void trap_syscall(struct trapframe *tf);

/*
 * A memory access at `addr` was refused by the page tables, in user or kernel mode (tf_user()).
 * The generic code resolves it, ends the process, takes the exception-table exit of a user copy, or
 * panics. `access` is one of ACCESS_* (and ACCESS_KERNEL). After a return the instruction runs again.
 */
void trap_fault(struct trapframe *tf, vaddr_t addr, unsigned access);
/* The same where the caller knows that it comes from user mode. */
void trap_user_fault(struct trapframe *tf, vaddr_t addr, unsigned access);

/* Any other exception, `code` the machine's number for it, `addr` what it is about (0: nothing). */
void trap_exception(struct trapframe *tf, enum exception what, u64 code, vaddr_t addr);

void trap_timer(void);      /* this CPU's timer deadline has passed; the source is already quiet */
void trap_ipi(void);        /* another CPU sent arch_ipi_send(); the source is already quiet */
void trap_console_rx(void); /* arch_console_getc() may have something */

/*
 * The last thing before a return to user mode, and only then: reschedules, delivers kills, runs
 * instruction-cache generations. Every trap from user mode passes here exactly once.
 */
void trap_exit_to_user(struct trapframe *tf);

/* The kernel stack's guard was hit; runs on the emergency stack and never returns. */
void __noreturn trap_stack_overflow(struct trapframe *tf);
