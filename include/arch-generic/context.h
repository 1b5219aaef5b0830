/* SPDX-License-Identifier: MIT */
/* Contract: kernel contexts, user-mode frames and floating-point state. */
#pragma once

#include <quire/types.h>
#include <arch/trap.h>
#include <arch/context.h>

/*
 * Entries of <quire/syscall.h>'s tables, in trap.S: they store the rest of a short frame and call trap_syscall(). The
 * fast ones try ipc_fast_call(), ipc_fast_reply_receive() or sched_fast_yield() before, and do what <quire/upcalls.h>
 * says there.
 */
s64 arch_call_whole(struct trapframe *tf);
s64 arch_call_fast_call(struct trapframe *tf);
s64 arch_call_fast_reply_receive(struct trapframe *tf);
s64 arch_call_fast_yield(struct trapframe *tf);

/*
 * Save the callee-saved registers in *prev and continue with *next. Interrupts off. Returns when
 * somebody switches back to prev. Doesn't touch page tables or floating-point state.
 */
void arch_switch(struct arch_context *prev, struct arch_context *next);

/* Make ctx start at fn(arg) on the stack that ends at stack_top, interrupts off. fn never returns. */
void arch_context_init(struct arch_context *ctx, void *stack_top, void (*fn)(void *), void *arg);

/*
 * Enter user mode with the registers of *tf, as after every trap. Interrupts off on entry.
 * `tf` is arch_user_frame() of this stack.
 */
void __noreturn arch_enter_user(struct trapframe *tf);

/*
 * The same with another thread's frame: leaves the caller's kernel stack, then calls sched_has_left(). Under the run
 * queue's lock.
 */
void __noreturn arch_hand_over(struct trapframe *to);

/* Where a trap from user mode saves its frame on the kernel stack that ends at stack_top. */
static inline struct trapframe *arch_user_frame(void *stack_top)
{
    return (struct trapframe *)((vaddr_t)stack_top - ALIGN_UP(sizeof(struct trapframe), 16));
}

static inline void *arch_frame_stack_top(struct trapframe *tf) /* the other way round */
{
    return (void *)((vaddr_t)tf + ALIGN_UP(sizeof(struct trapframe), 16));
}

/*
 * Floating-point and vector registers of user mode <-> memory. Kernel code never uses them. With ARCH_FPU_LAZY they may
 * hold another thread's values than those of the thread that runs. Either its frame says whether it may use them, as
 * tf_allow_fpu() has told the frame, or the CPU does: cpu_allow_fpu(). trap_fpu() is called when it tries nevertheless.
 * "Own" registers, such as a thread pointer, always change with the thread; arch_own_swap() does both at once.
 * Interrupts off.
 */
#ifndef ARCH_OWN_REGISTERS
static inline void arch_own_save(struct arch_fpu *fpu) { (void)fpu; }
static inline void arch_own_restore(const struct arch_fpu *fpu) { (void)fpu; }
static inline void arch_own_swap(struct arch_fpu *from, const struct arch_fpu *to) { (void)from, (void)to; }
#endif
void arch_fpu_init(struct arch_fpu *fpu); /* the state a new thread starts with */
#ifndef ARCH_FPU_INLINE
void arch_fpu_save(struct arch_fpu *fpu);
void arch_fpu_restore(const struct arch_fpu *fpu);
#endif

/* Print every register of the frame, a few to a line, through kprintf. */
void arch_print_frame(const struct trapframe *tf);

/*
 * One step of a backtrace. *fp is a frame pointer; true: *pc is the return address of that frame and
 * *fp the caller's frame pointer. The caller has checked that [*fp - 16, *fp + 176) lies in a stack.
 */
bool arch_unwind(vaddr_t *fp, vaddr_t *pc);
/*
 * 1: a user's tf_frame_pointer() is the frame where the functions that it calls save their return addresses, so the
 * first step from there gives no return address of its own. 0: it does.
 */
#ifndef ARCH_USER_FRAME_IS_OWN
#define ARCH_USER_FRAME_IS_OWN 0
#endif
vaddr_t arch_frame_pointer(void); /* of the caller */
