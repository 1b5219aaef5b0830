/* SPDX-License-Identifier: MIT */
/*
 * Every trap enters here (Privileged ISA 4.1.1: sstatus, sepc, scause, stval, sscratch).
 *
 * Invariant: sscratch is 0 while a hart runs in the kernel and its struct percpu while it runs in user
 * mode; tp is the struct percpu in the kernel. Interrupts are off from here to the return unless C
 * code turns them on.
 */
#include <quire/asm.h>
#include "asm_offsets.h"

#define CAUSE_ECALL_USER 8
#define SSTATUS_SIE (1 << 1)
#define SSTATUS_SUM (1 << 18)
#define SSTATUS_SPP (1 << 8)

/* The words of a message, <arch/trap.h>: s2 to s7. \op stores them into the frame or loads them. */
.macro WORDS op
    \op x18, 144(sp)
    \op x19, 152(sp)
    \op x20, 160(sp)
    \op x21, 168(sp)
    \op x22, 176(sp)
    \op x23, 184(sp)
.endm

/* The other registers that a function keeps, but for s0. */
.macro KEPT_REGISTERS op
    \op x9, 72(sp)
    \op x24, 192(sp)
    \op x25, 200(sp)
    \op x26, 208(sp)
    \op x27, 216(sp)
.endm

/* The arguments of a system call but for the first, and its number. */
.macro ARGUMENTS op
    \op x11, 88(sp)
    \op x12, 96(sp)
    \op x13, 104(sp)
    \op x14, 112(sp)
    \op x15, 120(sp)
    \op x17, 136(sp)
.endm

/* Registers for whatever is computed between calls. */
.macro TEMPORARIES op
    \op x28, 224(sp)
    \op x29, 232(sp)
    \op x30, 240(sp)
    \op x31, 248(sp)
.endm

/* sp points to the frame. Stores all registers but tp, sp and t2, and the information about the trap. */
.macro SAVE_FRAME
    sd x1, 8(sp)
    sd x3, 24(sp)
    sd x5, 40(sp)
    sd x6, 48(sp)
    sd x8, 64(sp)
    sd x10, 80(sp)
    sd x16, 128(sp)
    ARGUMENTS sd
    KEPT_REGISTERS sd
    WORDS sd
    TEMPORARIES sd
    csrr s0, sepc
    csrr s1, sstatus
    csrr a1, scause /* the handler's second argument */
    sd s0, TF_PC(sp)
    sd s1, TF_STATUS(sp)
.endm

.macro RESTORE_FRAME /* all but tp and sp */
    ld t0, TF_PC(sp)
    ld t1, TF_STATUS(sp)
    csrw sepc, t0
    csrw sstatus, t1
    ld x1, 8(sp)
    ld x3, 24(sp)
    ld x5, 40(sp)
    ld x6, 48(sp)
    ld x7, 56(sp)
    ld x8, 64(sp)
    ld x10, 80(sp)
    ld x16, 128(sp)
    ARGUMENTS ld
    KEPT_REGISTERS ld
    WORDS ld
    TEMPORARIES ld
.endm

    .text
    .balign 4
FUNC(trap_entry)
    csrrw tp, sscratch, tp
    beqz tp, from_kernel

    sd t2, PERCPU_SCRATCH(tp)
    mv t2, sp
    ld sp, PERCPU_KERNEL_SP(tp)
    addi sp, sp, -TF_SIZE
    sd t2, 16(sp)
    csrr t2, scause
    addi t2, t2, -CAUSE_ECALL_USER
    bnez t2, from_user

/* A system call: the frame is short, <quire/syscall.h>. */
    csrrw t2, sscratch, zero
    sd x1, 8(sp)
    sd x3, 24(sp)
    sd t2, 32(sp)
    sd x8, 64(sp)
    sd x10, 80(sp)
    ARGUMENTS sd
    csrr t3, sepc
    csrr t4, sstatus
    addi t3, t3, 4
    sd t3, TF_PC(sp)
    sd t4, TF_STATUS(sp)
#if QUIRE_DEBUG
    li s0, 0 /* a backtrace ends at the entry into the kernel */
#endif
    ld t3, PERCPU_SYSCALLS(tp)
    addi t3, t3, 1
    sd t3, PERCPU_SYSCALLS(tp)
    li t3, NR_SYSTEM_CALLS
    bgeu a7, t3, 1f
    ld t2, PERCPU_CALLS(tp)
    slli t3, a7, 3
    add t2, t2, t3
    ld t2, (t2)
    mv a0, sp
    csrsi sstatus, SSTATUS_SIE
    jalr t2
    csrci sstatus, SSTATUS_SIE
    lbu t2, PERCPU_USER_WORK(tp)
    bnez t2, 2f
end_call:
#if QUIRE_DEBUG
    sd a0, 80(sp)
    mv a0, sp
    call trap_leaves
    ld a0, 80(sp)
#endif
    ld t0, TF_PC(sp)
    ld t1, TF_STATUS(sp)
    csrw sepc, t0
    csrw sstatus, t1
    csrw sscratch, tp
    ld x1, 8(sp)
    ld x3, 24(sp)
    ld x8, 64(sp)
    ARGUMENTS ld
    .irp temporary, t0, t1, t2, t3, t4, t5, t6, a6
    li \temporary, 0
    .endr
    ld tp, 32(sp)
    ld sp, 16(sp)
    sret
1:  call arch_call_whole
2:  sd a0, 80(sp)
    j complete

from_user:
    ld t2, PERCPU_SCRATCH(tp)
    sd x7, 56(sp)
    SAVE_FRAME
    csrrw s1, sscratch, zero
    sd s1, 32(sp)
    li s0, 0 /* a backtrace ends at the entry into the kernel */
    mv a0, sp
    call trap_from_user

/* To user mode with the whole frame at sp; interrupts off. */
return_to_user:
    lbu t0, PERCPU_USER_WORK(tp)
    bnez t0, 4f
go_to_user:
#if QUIRE_DEBUG
    mv a0, sp
    call trap_leaves
#endif
    csrw sscratch, tp
    RESTORE_FRAME
    ld tp, 32(sp)
    ld sp, 16(sp)
    sret
4:  mv a0, sp
    call trap_user_work
    beq a0, sp, go_to_user
    j arch_hand_over

from_kernel:
    csrrw tp, sscratch, tp
    addi sp, sp, -TF_SIZE
    csrw sscratch, t0
    srli t0, sp, 14 /* stacks are 16 KiB aligned to 32: bit 14 is set in the guard below one */
    andi t0, t0, 1
    bnez t0, overflow
    csrr t0, sscratch
    csrw sscratch, zero
    sd x7, 56(sp)
    SAVE_FRAME
    addi s0, sp, TF_SIZE
    sd s0, 16(sp)
    sd tp, 32(sp)
    li t0, SSTATUS_SUM
    csrc sstatus, t0 /* a trap inside a user copy mustn't keep SUM, the right to touch user memory */
    ld s0, 64(sp)    /* s0 is the frame pointer: keep the chain for backtraces */
    mv a0, sp
    call trap_from_kernel
    RESTORE_FRAME
    ld sp, 16(sp)
    sret

overflow:
    csrr t0, sscratch
    csrw sscratch, zero
    sd sp, PERCPU_SCRATCH(tp)
    ld sp, PERCPU_EMERGENCY_SP(tp)
    addi sp, sp, -TF_SIZE
    sd x7, 56(sp)
    SAVE_FRAME
    ld s0, PERCPU_SCRATCH(tp)
    addi s0, s0, TF_SIZE
    sd s0, 16(sp)
    sd tp, 32(sp)
    li s0, 0
    mv a0, sp
    call trap_stack_overflow
    unimp
END(trap_entry)

/* What a short frame lacks, with interrupts off again. */
.macro COMPLETE_FRAME
    csrci sstatus, SSTATUS_SIE
    sd x6, 48(sp)
    KEPT_REGISTERS sd
    WORDS sd
.endm

/*
 * After a short cut, <quire/upcalls.h>. a0: the frame to go on with. The words, which are in their registers, and the
 * result are stored only if something else has to be done first.
 */
.macro HAND_OVER result
    ld a1, PERCPU_LEFT(tp)
    mv sp, a0
    addi a1, a1, THREAD_STATE
    li t2, THREAD_WAITING_STATE
    li t3, THREAD_BLOCKED_STATE
1:  lr.w.aqrl t4, (a1)
    bne t4, t2, 2f
    sc.w.rl t4, t3, (a1)
    bnez t4, 1b
    lbu t2, PERCPU_USER_WORK(tp)
    bnez t2, 3f
#if QUIRE_DEBUG
    mv a0, sp
    call trap_leaves
#endif
    ld t2, TF_PC(sp)
    ld t3, TF_STATUS(sp)
    csrw sepc, t2
    csrw sstatus, t3
    csrw sscratch, tp
    ld x1, 8(sp)
    ld x3, 24(sp)
    ld t1, 48(sp)
    ld x8, 64(sp)
    ld x17, 136(sp)
    KEPT_REGISTERS ld
    li a0, \result
    .irp temporary, a1, a2, a3, a4, a5, a6, t0, t2, t3, t4, t5, t6
    li \temporary, 0
    .endr
    ld tp, 32(sp)
    ld sp, 16(sp)
    sret
2:  WORDS sd
    call sched_settle_woken
    j 4f
3:  WORDS sd
4:  li a0, \result
    sd a0, 80(sp)
    sd zero, 88(sp) /* info */
    j return_to_user
.endm

/* s64 arch_call_whole(struct trapframe *tf), and those that try the short cuts first: sp is the frame, too */
FUNC(arch_call_fast_call)
    COMPLETE_FRAME
    call ipc_fast_call
    beqz a0, whole
    HAND_OVER GOT_CALL
END(arch_call_fast_call)

FUNC(arch_call_fast_reply_receive)
    COMPLETE_FRAME
    call ipc_fast_reply_receive
    beqz a0, whole
    HAND_OVER 0
END(arch_call_fast_reply_receive)

FUNC(arch_call_fast_yield)
    COMPLETE_FRAME
    call sched_fast_yield
    beqz a0, whole
    beq a0, sp, return_to_user
    /* and on into arch_hand_over */
END(arch_call_fast_yield)

/* void arch_hand_over(struct trapframe *to) */
FUNC(arch_hand_over)
    mv sp, a0
    addi t0, sp, -8
    sc.d zero, zero, (t0) /* ends a reservation of the thread that is left, as in arch_switch() */
    call sched_has_left
    j return_to_user
END(arch_hand_over)

/* A system call's result is in its short frame, and there is more to do. */
FUNC(complete)
    COMPLETE_FRAME
    j return_to_user
END(complete)

FUNC(arch_call_whole)
    COMPLETE_FRAME
whole:
    mv a0, sp
    call trap_syscall
    j return_to_user
END(arch_call_whole)

/* void arch_enter_user(struct trapframe *tf) */
FUNC(arch_enter_user)
    mv sp, a0
    li s0, 0 /* as after a trap: a backtrace ends here */
    j return_to_user
END(arch_enter_user)

    .section .note.GNU-stack, "", %progbits
