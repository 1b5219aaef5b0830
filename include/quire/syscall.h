/* SPDX-License-Identifier: MIT */
/*
 * System calls: one function sys_<name>() for each line of <uapi/quire/syscall_table.h>, and how trap.S calls it.
 *
 * The rule for registers. What a program finds in its registers after a system call: the result; its arguments, its
 * stack, thread and frame pointers, and the registers that a function keeps, as they were; the others that a function
 * may change hold nothing of the kernel's: zero, or what the program itself had there some time before.
 *
 * So the frame of most system calls is *short*: trap.S stores the program counter, the status, the stack and thread
 * pointers and the arguments (tf_arg(), tf_syscall_nr()) there. The registers that a function keeps stay where they
 * are: the kernel's functions keep them, too. Whoever needs them finds them in a *whole* frame only:
 *
 *   fork           the child begins with all of them
 *   exit           the record of a crash begins at the frame pointer: crash_record()
 *   guest_run      the frame changes places with the guest's
 *   call, send, receive, reply, reply_receive    a message needs more registers; and the thread may give up its kernel
 *                  stack, on which the kernel's functions keep them: hand_over.h, and thread->resume
 *
 * Every other trap has a whole frame: faults, interrupts, and whatever comes from a guest. A frame in which a thread
 * starts is whole (tf_init_user()). A thread that is preempted on its way out of a system call with a short frame still
 * has its kernel stack, so nothing is missing.
 */
#pragma once

#include <quire/thread.h>
#include <quire/upcalls.h>

struct trapframe;

/*
 * The tables program_calls and whole_calls (<quire/upcalls.h>) have by number: sys_<name>(), called with a short frame
 * and interrupts on; or one of the functions in trap.S that <arch-generic/context.h> names, which store the rest of the
 * frame. percpu.calls is one of the two tables: all calls of a guest, and of a thread that is traced, need the whole
 * frame.
 */

/* Which functions t's system calls have: <quire/syscall.h>. */
static inline system_call *const *calls_of(const struct thread *t)
{
    return unlikely(t->guest || READ_ONCE(t->traced)) ? whole_calls : program_calls;
}

void syscall_dispatch(struct trapframe *tf); /* with a whole frame, any number; interrupts off on entry and return */
