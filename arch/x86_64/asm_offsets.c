/* SPDX-License-Identifier: MIT */
/* Offsets and sizes for the assembly files; never linked. */
#include <quire/asm_offset.h>
#include <quire/percpu.h>
#include <arch-generic/context.h>
#include "platform.h"

void asm_offsets(void);
void asm_offsets(void)
{
    ASM_OFFSET(PERCPU_KERNEL_SP, struct percpu, kernel_sp);
    ASM_OFFSET(PERCPU_USER_SP, struct percpu, scratch[SCRATCH_USER_SP]);
    ASM_OFFSET(TF_RCX, struct trapframe, rcx);
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
