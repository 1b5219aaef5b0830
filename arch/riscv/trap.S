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

#define SSTATUS_SUM (1 << 18)
#define SSTATUS_SPP (1 << 8)

/* sp points to the frame. Stores all registers but tp and sp, and the information about the trap. */
.macro SAVE_FRAME
    sd x1, 8(sp)
    sd x3, 24(sp)
    sd x5, 40(sp)
    sd x6, 48(sp)
    sd x7, 56(sp)
    sd x8, 64(sp)
    sd x9, 72(sp)
    sd x10, 80(sp)
    sd x11, 88(sp)
    sd x12, 96(sp)
    sd x13, 104(sp)
    sd x14, 112(sp)
    sd x15, 120(sp)
    sd x16, 128(sp)
    sd x17, 136(sp)
    sd x18, 144(sp)
    sd x19, 152(sp)
    sd x20, 160(sp)
    sd x21, 168(sp)
    sd x22, 176(sp)
    sd x23, 184(sp)
    sd x24, 192(sp)
    sd x25, 200(sp)
    sd x26, 208(sp)
    sd x27, 216(sp)
    sd x28, 224(sp)
    sd x29, 232(sp)
    sd x30, 240(sp)
    sd x31, 248(sp)
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
    ld x9, 72(sp)
    ld x10, 80(sp)
    ld x11, 88(sp)
    ld x12, 96(sp)
    ld x13, 104(sp)
    ld x14, 112(sp)
    ld x15, 120(sp)
    ld x16, 128(sp)
    ld x17, 136(sp)
    ld x18, 144(sp)
    ld x19, 152(sp)
    ld x20, 160(sp)
    ld x21, 168(sp)
    ld x22, 176(sp)
    ld x23, 184(sp)
    ld x24, 192(sp)
    ld x25, 200(sp)
    ld x26, 208(sp)
    ld x27, 216(sp)
    ld x28, 224(sp)
    ld x29, 232(sp)
    ld x30, 240(sp)
    ld x31, 248(sp)
.endm

    .text
    .balign 4
FUNC(trap_entry)
    csrrw tp, sscratch, tp
    beqz tp, from_kernel

    sd sp, PERCPU_SCRATCH(tp)
    ld sp, PERCPU_KERNEL_SP(tp)
    addi sp, sp, -TF_SIZE
    SAVE_FRAME
    ld s0, PERCPU_SCRATCH(tp)
    csrrw s1, sscratch, zero
    sd s0, 16(sp)
    sd s1, 32(sp)
    li s0, 0 /* a backtrace ends at the entry into the kernel */
    mv a0, sp
    call trap_from_user

/* The only way to user mode, with the frame at sp; interrupts off. */
return_to_user:
    mv a0, sp
    call trap_exit_to_user
    csrw sscratch, tp
    RESTORE_FRAME
    ld tp, 32(sp)
    ld sp, 16(sp)
    sret

from_kernel:
    csrrw tp, sscratch, tp
    addi sp, sp, -TF_SIZE
    csrw sscratch, t0
    srli t0, sp, 14 /* stacks are 16 KiB aligned to 32: bit 14 is set in the guard below one */
    andi t0, t0, 1
    bnez t0, overflow
    csrr t0, sscratch
    csrw sscratch, zero
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

/* void arch_enter_user(struct trapframe *tf) */
FUNC(arch_enter_user)
    mv sp, a0
    li s0, 0 /* as after a trap: a backtrace ends here */
    j return_to_user
END(arch_enter_user)

/* void arch_hand_over(struct trapframe *tf, void (*settle)(void *), void *arg) */
FUNC(arch_hand_over)
    mv sp, a0
    mv a0, a2
    li s0, 0
    jalr a1
    j return_to_user
END(arch_hand_over)

    .section .note.GNU-stack, "", %progbits
