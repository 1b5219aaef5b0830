/* SPDX-License-Identifier: MIT */
/* Offsets and sizes for entry.S, trap.S and switch.S; never linked. */
#include <quire/asm_offset.h>
#include <quire/percpu.h>
#include <arch-generic/context.h>

void asm_offsets(void);
void asm_offsets(void)
{
    ASM_OFFSET(PERCPU_KERNEL_SP, struct percpu, kernel_sp);
    ASM_OFFSET(PERCPU_EMERGENCY_SP, struct percpu, emergency_sp);
    ASM_OFFSET(PERCPU_HWID, struct percpu, hwid);
    ASM_OFFSET(PERCPU_SCRATCH, struct percpu, scratch);
    ASM_OFFSET(TF_PC, struct trapframe, pc);
    ASM_OFFSET(TF_STATUS, struct trapframe, status);
    ASM_CONSTANT(TF_SIZE, ALIGN_UP(sizeof(struct trapframe), 16));
    ASM_CONSTANT(KSTACK_BYTES, KSTACK_SIZE);
}
