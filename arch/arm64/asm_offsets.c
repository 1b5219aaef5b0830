/* SPDX-License-Identifier: MIT */
/* Offsets and sizes for entry.S, trap.S and switch.S; never linked. */
#include <quire/asm_offset.h>
#include <quire/thread.h>
#include <uapi/quire/ipc.h>
#include <arch-generic/context.h>
#include <uapi/quire/abi.h>

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
    ASM_OFFSET(PERCPU_SCRATCH, struct percpu, scratch);
    ASM_CONSTANT(EMERGENCY_BYTES, EMERGENCY_STACK_SIZE);
    ASM_OFFSET(TF_SP, struct trapframe, sp);
    ASM_OFFSET(TF_PC, struct trapframe, pc);
    ASM_OFFSET(TF_ESR, struct trapframe, esr);
    ASM_CONSTANT(TF_SIZE, ALIGN_UP(sizeof(struct trapframe), 16));
    ASM_OFFSET(CTX_FP, struct arch_context, fp);
    ASM_OFFSET(CTX_SP, struct arch_context, sp);
    ASM_OFFSET(FPU_FPCR, struct arch_fpu, fpcr);
    ASM_OFFSET(FPU_FPSR, struct arch_fpu, fpsr);
    ASM_CONSTANT(KSTACK_BYTES, KSTACK_SIZE);
    ASM_CONSTANT(KSTACK_BIT, __builtin_ctzl(KSTACK_SIZE));
}
