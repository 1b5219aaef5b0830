/* SPDX-License-Identifier: MIT */
/*
 * Every interruption enters here (z/Architecture Principles of Operation, chapter 6
 * "Interruptions"): the CPU has put its PSW into the lowcore and loaded a new one with DAT on, home
 * space, interruptions off. All general registers still hold the interrupted program's values; two are saved in the
 * lowcore to make room.
 *
 * Everything that a frame needs is copied before C code runs, so that the next interruption of the same class can come
 * while the first is being handled.
 */
#include <quire/asm.h>
#include "asm_offsets.h"

    .globl lowcore
    .set lowcore, 0

/* r15 points below the new frame, r14 and the old r15 are at \save: fill in registers and PSW. */
.macro FILL_FRAME old, save
    stmg %r0, %r13, TRAP_GPRS(%r15)
    mvc TRAP_GPRS+14*8(16, %r15), \save(%r0)
    mvc TRAP_PSW(16, %r15), \old(%r0)
    la %r2, TRAP_FRAME(%r15)
.endm

/* A trap from user mode uses the thread's kernel stack, a trap from the kernel the current stack. */
.macro TRAP name, old, save, handler
FUNC(\name)
    stmg %r14, %r15, \save(%r0)
    tm \old+1(%r0), 0x01 /* PSW_PROBLEM */
    jnz 1f
    lgr %r14, %r15
    aghi %r15, -TRAP_BYTES
    tmll %r15, KSTACK_BYTES /* stacks are 16 KiB aligned to 32: bit 14 is set in the guard below */
    jnz 3f
0:  mvc TRAP_BACKCHAIN(8, %r15), 0(%r14)
    j 2f
1:  lg %r15, LC_CPU(%r0)
    lg %r15, PERCPU_KERNEL_SP(%r15)
    aghi %r15, -TRAP_BYTES
    lghi %r14, 0
    stg %r14, TRAP_BACKCHAIN(%r15)
2:  stg %r14, 0(%r15) /* this frame's link in the backchain */
    FILL_FRAME \old, \save
    brasl %r14, \handler
    tm TRAP_PSW+1(%r15), 0x01 /* PSW_PROBLEM */
    jnz return_to_user
    j trap_return

3:  lg %r14, LC_CPU(%r0) /* in the guard, or on the emergency stack already? */
    lg %r14, PERCPU_EMERGENCY_SP(%r14)
    sgr %r14, %r15
    clgfi %r14, EMERGENCY_BYTES
    lg %r14, \save+8(%r0)
    jle 0b
    lg %r15, LC_CPU(%r0)
    lg %r15, PERCPU_EMERGENCY_SP(%r15)
    aghi %r15, -TRAP_BYTES
    stg %r11, TRAP_BACKCHAIN(%r15) /* in a prologue r11 still holds the caller's frame pointer */
    xc 0(8, %r15), 0(%r15)
    FILL_FRAME \old, \save
    brasl %r14, trap_stack_overflow
END(\name)
.endm

    .text
/* System calls come from user mode only. */
FUNC(trap_svc)
    stg %r15, LC_SVC_SAVE+8(%r0)
    lg %r15, LC_CPU(%r0)
    lg %r15, PERCPU_KERNEL_SP(%r15)
    aghi %r15, -TRAP_BYTES
    stmg %r0, %r14, TRAP_GPRS(%r15)
    mvc TRAP_GPRS+15*8(8, %r15), LC_SVC_SAVE+8(%r0)
    mvc TRAP_PSW(16, %r15), LC_SVC_OLD(%r0)
    xc 0(8, %r15), 0(%r15)
    la %r2, TRAP_FRAME(%r15)
    brasl %r14, trap_syscall
    /* and on into return_to_user */
END(trap_svc)

/* The only way to user mode, with the frame above r15; interruptions off. */
FUNC(return_to_user)
    la %r2, TRAP_FRAME(%r15)
    brasl %r14, trap_exit_to_user
    /* and on into trap_return */
END(return_to_user)

/* Back to where the frame above r15 says, interruptions off. */
FUNC(trap_return)
    mvc LC_RETURN_PSW(16, %r0), TRAP_PSW(%r15)
    lmg %r0, %r15, TRAP_GPRS(%r15)
    lpswe LC_RETURN_PSW(%r0)
END(trap_return)

    TRAP trap_program, LC_PGM_OLD, LC_PGM_SAVE, handle_program
    TRAP trap_external, LC_EXT_OLD, LC_EXT_SAVE, handle_external
    TRAP trap_io, LC_IO_OLD, LC_IO_SAVE, handle_io
    TRAP trap_restart, LC_RESTART_OLD, LC_RESTART_SAVE, handle_restart

/* A machine check can come anywhere, also between any two instructions above; so it uses the emergency stack. */
FUNC(trap_mcheck)
    lg %r15, LC_CPU(%r0)
    lg %r15, PERCPU_EMERGENCY_SP(%r15)
    aghi %r15, -TRAP_BYTES
    lghi %r14, LC_MCHECK_GPRS /* the CPU has saved all registers there */
    mvc TRAP_GPRS(128, %r15), 0(%r14)
    mvc TRAP_PSW(16, %r15), LC_MCHECK_OLD(%r0)
    lghi %r14, 0
    stg %r14, TRAP_BACKCHAIN(%r15)
    stg %r14, 0(%r15)
    la %r2, TRAP_FRAME(%r15)
    brasl %r14, handle_mcheck
END(trap_mcheck)

/* void arch_enter_user(struct trapframe *tf) */
FUNC(arch_enter_user)
    lay %r15, -TRAP_FRAME(%r2)
    xc 0(8, %r15), 0(%r15) /* as after a trap: a backtrace ends here */
    j return_to_user
END(arch_enter_user)

/* void arch_hand_over(struct trapframe *tf, void (*settle)(void *), void *arg) */
FUNC(arch_hand_over)
    lay %r15, -TRAP_FRAME(%r2)
    xc 0(8, %r15), 0(%r15)
    lgr %r2, %r4
    basr %r14, %r3
    j return_to_user
END(arch_hand_over)

    .section .note.GNU-stack, "", %progbits
