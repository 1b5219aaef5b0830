/* SPDX-License-Identifier: MIT */
/*
 * Every trap enters here (Arm ARM, "Exception vectors"). Interrupts are masked from here to the
 * return unless C code turns them on.
 *
 * Invariant: while a CPU runs in user mode, its SP_EL1 is this_cpu()->kernel_sp, because the return to user mode pops
 * the frame at the top of the thread's kernel stack. So the entry from user mode needn't load the stack pointer.
 */
#include <quire/asm.h>
#include <arch/sysreg.h>
#include "asm_offsets.h"

/* sp points to the frame. Stores every register and the information about the trap; clobbers x21-x25. */
.macro SAVE_FRAME from_user
    stp x0, x1, [sp, #0]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x19, [sp, #144]
    stp x20, x21, [sp, #160]
    stp x22, x23, [sp, #176]
    stp x24, x25, [sp, #192]
    stp x26, x27, [sp, #208]
    stp x28, x29, [sp, #224]
    .if \from_user
    mrs x21, sp_el0
    .else
    add x21, sp, #TF_SIZE
    .endif
    mrs x22, elr_el1
    mrs x23, spsr_el1
    mrs x24, esr_el1
    mrs x25, far_el1
    stp x30, x21, [sp, #240]
    stp x22, x23, [sp, #TF_PC]
    stp x24, x25, [sp, #TF_ESR]
.endm

.macro RESTORE_FRAME_AND_RETURN to_user
    ldp x30, x21, [sp, #240]
    ldp x22, x23, [sp, #TF_PC]
    .if \to_user
    msr sp_el0, x21
    .endif
    msr elr_el1, x22
    msr spsr_el1, x23
    ldp x0, x1, [sp, #0]
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldp x18, x19, [sp, #144]
    ldp x20, x21, [sp, #160]
    ldp x22, x23, [sp, #176]
    ldp x24, x25, [sp, #192]
    ldp x26, x27, [sp, #208]
    ldp x28, x29, [sp, #224]
    add sp, sp, #TF_SIZE
    eret /* also ends an exclusive access of the kernel */
.endm

/* A backtrace ends at the entry from user mode, whatever the user's frame pointer was. */
.macro FROM_USER handler
    SAVE_FRAME 1
    mov x29, xzr
    mov x0, sp
    bl \handler
    b return_to_user
.endm

.macro FROM_KERNEL handler
    SAVE_FRAME 0
    mov x0, sp
    bl \handler
    RESTORE_FRAME_AND_RETURN 0
.endm

.macro VECTOR_USER label
    .balign 128
    sub sp, sp, #TF_SIZE
    b \label
.endm

/*
 * Stacks are 16 KiB aligned to 32, so bit 14 of a frame's address is set in the guard below one. No register is free
 * for the test: so x0 is added to sp, and both are computed from the sum again. The emergency stack doesn't have this
 * alignment, so a set bit is ignored there; elsewhere it means an overflow.
 */
.macro VECTOR_KERNEL label
    .balign 128
    sub sp, sp, #TF_SIZE
    add sp, sp, x0
    sub x0, sp, x0
    tbnz x0, #KSTACK_BIT, 1f
    sub x0, sp, x0
    sub sp, sp, x0
    b \label
1:  sub sp, sp, x0 /* the interrupted x0 */
    msr tpidrro_el0, x0
    mrs x0, tpidr_el1
    str x1, [x0, #PERCPU_SCRATCH]
    mov x1, sp
    str x1, [x0, #PERCPU_SCRATCH + 8]
    ldr x1, [x0, #PERCPU_EMERGENCY_SP]
    mrs x0, tpidrro_el0
    mov sp, x0
    sub x1, x1, x0
    cmp x1, #EMERGENCY_BYTES /* the flags may change: SPSR_EL1 holds the interrupted code's flags */
    mrs x0, tpidr_el1
    b.hi overflow
    ldp x1, x0, [x0, #PERCPU_SCRATCH]
    b \label
.endm

    .text
    .balign 2048
    .globl trap_vectors
trap_vectors:
    VECTOR_KERNEL kernel_unexpected /* SP_EL0 is never the kernel's stack pointer */
    VECTOR_KERNEL kernel_unexpected
    VECTOR_KERNEL kernel_unexpected
    VECTOR_KERNEL kernel_unexpected
    VECTOR_KERNEL kernel_sync
    VECTOR_KERNEL kernel_irq
    VECTOR_KERNEL kernel_unexpected /* FIQ */
    VECTOR_KERNEL kernel_serror
    VECTOR_USER user_sync
    VECTOR_USER user_irq
    VECTOR_USER user_unexpected /* FIQ */
    VECTOR_USER user_serror
    VECTOR_USER user_aarch32 /* nothing starts 32-bit programs */
    VECTOR_USER user_irq
    VECTOR_USER user_unexpected
    VECTOR_USER user_serror

user_sync:
    SAVE_FRAME 1
    lsr w26, w24, #ESR_EC_SHIFT
    mov x29, xzr
    mov x0, sp
    cmp w26, #ESR_EC_SVC64
    b.ne 1f
    bl trap_syscall
    b return_to_user
1:  bl arm64_sync

/* The only way to user mode, with the frame at sp; interrupts off. */
return_to_user:
    mov x0, sp
    bl trap_exit_to_user
    RESTORE_FRAME_AND_RETURN 1

user_irq:
    FROM_USER arm64_irq
user_serror:
    FROM_USER arm64_serror
user_aarch32:
    FROM_USER arm64_aarch32
user_unexpected:
    FROM_USER arm64_unexpected

kernel_sync:
    FROM_KERNEL arm64_sync
kernel_irq:
    FROM_KERNEL arm64_irq
kernel_serror:
    FROM_KERNEL arm64_serror
kernel_unexpected:
    FROM_KERNEL arm64_unexpected

/* x0 = this_cpu(); its scratch words hold x1 and x0 of the interrupted code; TPIDRRO_EL0 = the address where the frame
 * would be. */
overflow:
    ldr x1, [x0, #PERCPU_EMERGENCY_SP]
    sub sp, x1, #TF_SIZE
    ldp x1, x0, [x0, #PERCPU_SCRATCH]
    SAVE_FRAME 0
    mrs x21, tpidrro_el0
    add x21, x21, #TF_SIZE
    str x21, [sp, #TF_SP]
    mov x0, sp
    bl trap_stack_overflow
    brk #0

/* void arch_enter_user(struct trapframe *tf) */
FUNC(arch_enter_user)
    mov sp, x0
    mov x29, xzr /* as after a trap: a backtrace ends here */
    b return_to_user
END(arch_enter_user)

/* void arch_hand_over(struct trapframe *tf, void (*settle)(void *), void *arg) */
FUNC(arch_hand_over)
    mov sp, x0
    mov x0, x2
    mov x29, xzr
    blr x1
    b return_to_user
END(arch_hand_over)

    .section .note.GNU-stack, "", %progbits
