/* SPDX-License-Identifier: MIT */
/* Offsets and sizes for entry.S, trap.S and switch.S; never linked. */
#include <quire/asm_offset.h>
#include <quire/thread.h>
#include <uapi/quire/ipc.h>
#include <arch-generic/context.h>
#include <uapi/quire/abi.h>

#define SAVE_AREA                                                                                  \
    160 /* ELF ABI: below every stack pointer in a call, for the callee's registers                \
         */

void asm_offsets(void);
void asm_offsets(void)
{
    ASM_OFFSET(PERCPU_KERNEL_SP, struct percpu, kernel_sp);
    ASM_OFFSET(PERCPU_CALLS, struct percpu, calls);
    ASM_OFFSET(PERCPU_SYSCALLS, struct percpu, counters[COUNTER_SYSCALLS]);
    ASM_OFFSET(PERCPU_LEFT, struct percpu, left);
    ASM_OFFSET(PERCPU_USER_WORK, struct percpu, user_work);
    ASM_CONSTANT(NR_SYSTEM_CALLS, QUIRE_NR_SYSCALLS);
    ASM_CONSTANT(GOT_CALL, QUIRE_GOT_CALL);
    ASM_OFFSET(THREAD_STATE, struct thread, state);
    ASM_CONSTANT(THREAD_WAITING_STATE, THREAD_WAITING);
    ASM_CONSTANT(THREAD_BLOCKED_STATE, THREAD_BLOCKED);
    ASM_OFFSET(PERCPU_EMERGENCY_SP, struct percpu, emergency_sp);
    ASM_CONSTANT(EMERGENCY_BYTES, EMERGENCY_STACK_SIZE);
    ASM_CONSTANT(KSTACK_BYTES, KSTACK_SIZE);
    ASM_CONSTANT(SAVE_AREA_BYTES, SAVE_AREA);

    /* Below a trap frame is the save area for the handler that is called with it. */
    ASM_CONSTANT(TRAP_BYTES, SAVE_AREA + ALIGN_UP(sizeof(struct trapframe), 16));
    ASM_CONSTANT(TRAP_FRAME, SAVE_AREA);
    ASM_CONSTANT(TRAP_PSW, SAVE_AREA + offsetof(struct trapframe, psw));
    ASM_CONSTANT(TRAP_GPRS, SAVE_AREA + offsetof(struct trapframe, gprs));
    ASM_CONSTANT(TRAP_BACKCHAIN, SAVE_AREA + offsetof(struct trapframe, backchain));

    ASM_OFFSET(LC_CPU, struct lowcore, cpu);
    ASM_OFFSET(LC_RETURN_PSW, struct lowcore, return_psw);
    ASM_OFFSET(LC_RESTART_OLD, struct lowcore, restart_old);
    ASM_OFFSET(LC_RESTART_SAVE, struct lowcore, restart_save);
    ASM_OFFSET(LC_EXT_OLD, struct lowcore, ext_old);
    ASM_OFFSET(LC_EXT_SAVE, struct lowcore, ext_save);
    ASM_OFFSET(LC_SVC_OLD, struct lowcore, svc_old);
    ASM_OFFSET(LC_SVC_SAVE, struct lowcore, svc_save);
    ASM_OFFSET(LC_PGM_OLD, struct lowcore, pgm_old);
    ASM_OFFSET(LC_PGM_NEW, struct lowcore, pgm_new);
    ASM_OFFSET(LC_PGM_SAVE, struct lowcore, pgm_save);
    ASM_OFFSET(LC_IO_OLD, struct lowcore, io_old);
    ASM_OFFSET(LC_IO_SAVE, struct lowcore, io_save);
    ASM_OFFSET(LC_MCHECK_OLD, struct lowcore, mcheck_old);
    ASM_OFFSET(LC_MCHECK_NEW, struct lowcore, mcheck_new);
    ASM_OFFSET(LC_MCHECK_GPRS, struct lowcore, mcheck_gprs);
}
