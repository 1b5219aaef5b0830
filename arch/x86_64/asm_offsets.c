/* SPDX-License-Identifier: MIT */
/* Offsets and sizes for the assembly files; never linked. */
#include <quire/asm_offset.h>
#include <quire/thread.h>
#include <uapi/quire/ipc.h>
#include <arch-generic/context.h>
#include <uapi/quire/abi.h>
#include "platform.h"

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
    ASM_OFFSET(PERCPU_USER_SP, struct percpu, scratch[SCRATCH_USER_SP]);
    ASM_OFFSET(TF_RAX, struct trapframe, rax);
    ASM_OFFSET(TF_RBX, struct trapframe, rbx);
    ASM_OFFSET(TF_RCX, struct trapframe, rcx);
    ASM_OFFSET(TF_RDX, struct trapframe, rdx);
    ASM_OFFSET(TF_RSI, struct trapframe, rsi);
    ASM_OFFSET(TF_RDI, struct trapframe, rdi);
    ASM_OFFSET(TF_RBP, struct trapframe, rbp);
    ASM_OFFSET(TF_R8, struct trapframe, r8);
    ASM_OFFSET(TF_R9, struct trapframe, r9);
    ASM_OFFSET(TF_R10, struct trapframe, r10);
    ASM_OFFSET(TF_R12, struct trapframe, r12);
    ASM_OFFSET(TF_R13, struct trapframe, r13);
    ASM_OFFSET(TF_R14, struct trapframe, r14);
    ASM_OFFSET(TF_R15, struct trapframe, r15);
    ASM_OFFSET(TF_R11, struct trapframe, r11);
    ASM_OFFSET(TF_VECTOR, struct trapframe, vector);
    ASM_OFFSET(TF_RIP, struct trapframe, rip);
    ASM_OFFSET(TF_CS, struct trapframe, cs);
    ASM_OFFSET(TF_RFLAGS, struct trapframe, rflags);
    ASM_OFFSET(TF_RSP, struct trapframe, rsp);
    ASM_CONSTANT(TF_SIZE, sizeof(struct trapframe));
    ASM_OFFSET(CONTEXT_SP, struct arch_context, sp);
    ASM_CONSTANT(KSTACK_BYTES, KSTACK_SIZE);
    ASM_OFFSET(FEATURES_SMAP, struct cpu_features, smap);
}
