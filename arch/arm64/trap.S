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
    stp x16, x17, [sp, #128]
    mrs x16, esr_el1
    lsr w16, w16, #ESR_EC_SHIFT
    cmp w16, #ESR_EC_SVC64
    b.ne user_exception

/* A system call: the frame is short, <quire/syscall.h>. */
    stp x0, x1, [sp, #0]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x8, x9, [sp, #64]
    mrs x16, sp_el0
    mrs x17, elr_el1
    stp x30, x16, [sp, #240]
    mrs x16, spsr_el1
    stp x17, x16, [sp, #TF_PC]
    str x29, [sp, #232]
#if QUIRE_DEBUG
    mov x29, xzr /* a backtrace ends at the entry into the kernel */
#endif
    mrs x16, tpidr_el1
    ldr x17, [x16, #PERCPU_SYSCALLS]
    add x17, x17, #1
    str x17, [x16, #PERCPU_SYSCALLS]
    cmp x8, #NR_SYSTEM_CALLS
    b.hs 1f
    ldr x16, [x16, #PERCPU_CALLS]
    ldr x16, [x16, x8, lsl #3]
    mov x0, sp
    msr daifclr, #2
    blr x16
    msr daifset, #2
    mrs x16, tpidr_el1
    ldrb w16, [x16, #PERCPU_USER_WORK]
    cbnz w16, 2f
#if QUIRE_DEBUG
    str x0, [sp, #0]
    mov x0, sp
    bl trap_leaves
    ldr x0, [sp, #0]
#endif
    ldp x30, x16, [sp, #240]
    ldp x17, x18, [sp, #TF_PC]
    msr sp_el0, x16
    msr elr_el1, x17
    msr spsr_el1, x18
    ldr x1, [sp, #8]
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x8, x9, [sp, #64]
    ldr x29, [sp, #232]
    ldp x6, x7, [sp, #48] /* from here on: what the program had there at an earlier trap */
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldr x18, [sp, #144]
    add sp, sp, #TF_SIZE
    eret
1:  bl arch_call_whole
2:  str x0, [sp, #0]
    b complete

user_exception:
    ldp x16, x17, [sp, #128]
    SAVE_FRAME 1
    mov x29, xzr
    mov x0, sp
    bl arm64_sync

/* To user mode with the whole frame at sp; interrupts off. */
return_to_user:
    mrs x0, tpidr_el1
    ldrb w0, [x0, #PERCPU_USER_WORK]
    cbnz w0, 4f
5:
#if QUIRE_DEBUG
    mov x0, sp
    bl trap_leaves
#endif
    RESTORE_FRAME_AND_RETURN 1
4:  mov x0, sp
    bl trap_user_work
    mov x1, sp
    cmp x0, x1
    b.eq 5b
    b arch_hand_over

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

/* What a short frame lacks, with interrupts off again. */
.macro COMPLETE_FRAME
    msr daifset, #2
    stp x18, x19, [sp, #144]
    stp x20, x21, [sp, #160]
    stp x22, x23, [sp, #176]
    stp x24, x25, [sp, #192]
    stp x26, x27, [sp, #208]
    str x28, [sp, #224]
.endm

/* The words of a message, <arch/trap.h>: x19 to x24. */
.macro STORE_WORDS
    str x19, [sp, #152]
    stp x20, x21, [sp, #160]
    stp x22, x23, [sp, #176]
    str x24, [sp, #192]
.endm

/*
 * After a short cut, <quire/upcalls.h>. x0: the frame to go on with. The words, which are in their registers, and the
 * result are stored only if something else has to be done first.
 */
.macro HAND_OVER result
    mrs x10, tpidr_el1
    ldr x11, [x10, #PERCPU_LEFT]
    mov sp, x0
    add x11, x11, #THREAD_STATE
    mov w13, #THREAD_BLOCKED_STATE
1:  ldaxr w12, [x11]
    cmp w12, #THREAD_WAITING_STATE
    b.ne 2f
    stlxr w12, w13, [x11]
    cbnz w12, 1b
    ldrb w12, [x10, #PERCPU_USER_WORK]
    cbnz w12, 3f
#if QUIRE_DEBUG
    mov x0, sp
    bl trap_leaves
#endif
    ldp x30, x12, [sp, #240]
    ldp x13, x14, [sp, #TF_PC]
    msr sp_el0, x12
    msr elr_el1, x13
    msr spsr_el1, x14
    ldp x8, x9, [sp, #64]
    ldr x25, [sp, #200]
    ldp x26, x27, [sp, #208]
    ldp x28, x29, [sp, #224]
    mov x0, #\result
    mov x1, #0 /* info */
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x10, x11, [sp, #80] /* from here on: what the program had there at an earlier trap */
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldr x18, [sp, #144]
    add sp, sp, #TF_SIZE
    eret
2:  STORE_WORDS
    bl sched_settle_woken
    b 4f
3:  STORE_WORDS
4:  mov x0, #\result
    stp x0, xzr, [sp, #0]
    b return_to_user
.endm

/* s64 arch_call_whole(struct trapframe *tf), and those that try the short cuts first: sp is the frame, too */
FUNC(arch_call_fast_call)
    COMPLETE_FRAME
    bl ipc_fast_call
    cbz x0, whole
    HAND_OVER GOT_CALL
END(arch_call_fast_call)

FUNC(arch_call_fast_reply_receive)
    COMPLETE_FRAME
    bl ipc_fast_reply_receive
    cbz x0, whole
    HAND_OVER 0
END(arch_call_fast_reply_receive)

FUNC(arch_call_fast_yield)
    COMPLETE_FRAME
    bl sched_fast_yield
    cbz x0, whole
    mov x1, sp
    cmp x0, x1
    b.eq return_to_user
    /* and on into arch_hand_over */
END(arch_call_fast_yield)

/* void arch_hand_over(struct trapframe *to) */
FUNC(arch_hand_over)
    mov sp, x0
    bl sched_has_left
    b return_to_user
END(arch_hand_over)

/* A system call's result is in its short frame, and there is more to do. */
FUNC(complete)
    COMPLETE_FRAME
    b return_to_user
END(complete)

FUNC(arch_call_whole)
    COMPLETE_FRAME
whole:
    mov x0, sp
    bl trap_syscall
    b return_to_user
END(arch_call_whole)

/* void arch_enter_user(struct trapframe *tf) */
FUNC(arch_enter_user)
    mov sp, x0
    mov x29, xzr /* as after a trap: a backtrace ends here */
    b return_to_user
END(arch_enter_user)

    .section .note.GNU-stack, "", %progbits
