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
/*
 * System calls come from user mode only. One instruction stores all registers, so the frame is whole always
 * (<quire/syscall.h>). STOSM and STNSM put the old mask into an unused byte.
 */
FUNC(trap_svc)
    stg %r15, LC_SVC_SAVE+8(%r0)
    lg %r15, LC_CPU(%r0)
    lg %r15, PERCPU_KERNEL_SP(%r15)
    aghi %r15, -TRAP_BYTES
    stmg %r0, %r14, TRAP_GPRS(%r15)
    mvc TRAP_GPRS+15*8(8, %r15), LC_SVC_SAVE+8(%r0)
    mvc TRAP_PSW(16, %r15), LC_SVC_OLD(%r0)
#if QUIRE_DEBUG
    xc 0(8, %r15), 0(%r15) /* a backtrace ends at the entry into the kernel */
#endif
    lg %r14, LC_CPU(%r0)
    agsi PERCPU_SYSCALLS(%r14), 1
    clgfi %r1, NR_SYSTEM_CALLS
    jhe arch_call_whole
    sllg %r1, %r1, 3
    lg %r14, PERCPU_CALLS(%r14)
    lg %r1, 0(%r1, %r14)
    la %r2, TRAP_FRAME(%r15)
    stosm 8(%r15), 0x01
    basr %r14, %r1
    stnsm 8(%r15), 0xfe
    lg %r1, LC_CPU(%r0)
    cli PERCPU_USER_WORK(%r1), 0
    jne 1f
#if QUIRE_DEBUG
    j 1f
#endif
    mvc LC_RETURN_PSW(16, %r0), TRAP_PSW(%r15)
    lmg %r0, %r1, TRAP_GPRS(%r15)
    lmg %r3, %r15, TRAP_GPRS+3*8(%r15)
    lpswe LC_RETURN_PSW(%r0)
1:  stg %r2, TRAP_GPRS+2*8(%r15)
    j return_to_user
END(trap_svc)

/* To user mode, with the frame above r15; interruptions off. */
FUNC(return_to_user)
    lg %r1, LC_CPU(%r0)
    cli PERCPU_USER_WORK(%r1), 0
    je 1f
    la %r2, TRAP_FRAME(%r15)
    brasl %r14, trap_user_work
    la %r1, TRAP_FRAME(%r15)
    cgrjne %r1, %r2, arch_hand_over
1:
#if QUIRE_DEBUG
    la %r2, TRAP_FRAME(%r15)
    brasl %r14, trap_leaves
#endif
    /* and on into trap_return */
END(return_to_user)

/* Back to where the frame above r15 says, interruptions off. */
FUNC(trap_return)
    mvc LC_RETURN_PSW(16, %r0), TRAP_PSW(%r15)
    lmg %r0, %r15, TRAP_GPRS(%r15)
    lpswe LC_RETURN_PSW(%r0)
END(trap_return)

/*
 * After a short cut, <quire/upcalls.h>. r2: the frame to go on with, which has the words already (tf_pass_words()).
 */
.macro HAND_OVER result
    lg %r1, LC_CPU(%r0)
    lay %r15, -TRAP_FRAME(%r2)
    mvghi TRAP_GPRS+2*8(%r15), \result
    mvghi TRAP_GPRS+3*8(%r15), 0 /* info */
#if QUIRE_DEBUG
    xc 0(8, %r15), 0(%r15)
#endif
    lg %r2, PERCPU_LEFT(%r1)
    lhi %r3, THREAD_WAITING_STATE
    lhi %r4, THREAD_BLOCKED_STATE
    cs %r3, %r4, THREAD_STATE(%r2)
    jne 1f
    cli PERCPU_USER_WORK(%r1), 0
    jne return_to_user
#if QUIRE_DEBUG
    la %r2, TRAP_FRAME(%r15)
    brasl %r14, trap_leaves
#endif
    mvc LC_RETURN_PSW(16, %r0), TRAP_PSW(%r15)
    lmg %r0, %r15, TRAP_GPRS(%r15)
    lpswe LC_RETURN_PSW(%r0)
1:  brasl %r14, sched_settle_woken
    j return_to_user
.endm

/* s64 arch_call_whole(struct trapframe *tf), and those that try the short cuts first; the frame is above r15, too */
FUNC(arch_call_fast_call)
    stnsm 8(%r15), 0xfe
    brasl %r14, ipc_fast_call
    ltgr %r2, %r2
    jz arch_call_whole
    HAND_OVER GOT_CALL
END(arch_call_fast_call)

FUNC(arch_call_fast_reply_receive)
    stnsm 8(%r15), 0xfe
    brasl %r14, ipc_fast_reply_receive
    ltgr %r2, %r2
    jz arch_call_whole
    HAND_OVER 0
END(arch_call_fast_reply_receive)

FUNC(arch_call_fast_yield)
    stnsm 8(%r15), 0xfe
    brasl %r14, sched_fast_yield
    ltgr %r2, %r2
    jz arch_call_whole
    la %r1, TRAP_FRAME(%r15)
    cgrje %r1, %r2, return_to_user
    /* and on into arch_hand_over */
END(arch_call_fast_yield)

/* void arch_hand_over(struct trapframe *to) */
FUNC(arch_hand_over)
    lay %r15, -TRAP_FRAME(%r2)
#if QUIRE_DEBUG
    xc 0(8, %r15), 0(%r15)
#endif
    brasl %r14, sched_has_left
    j return_to_user
END(arch_hand_over)

FUNC(arch_call_whole)
    stnsm 8(%r15), 0xfe
    la %r2, TRAP_FRAME(%r15)
    brasl %r14, trap_syscall
    j return_to_user
END(arch_call_whole)

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

    .section .note.GNU-stack, "", %progbits
