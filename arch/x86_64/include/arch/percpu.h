/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU data of entry code and drivers.
 *
 * The task-state segment (Intel SDM 3A 8.7) has no memory of its own: it *is* the beginning of
 * struct percpu, four bytes in. So the field from which the processor takes the stack of a trap
 * from user mode, RSP0, is percpu.kernel_sp, and the kernel changes both with one store:
 *
 *   TSS offset   4 RSP0       36 IST1       44 IST2       52..91 IST3..7     102 I/O map base
 *   struct       kernel_sp    scratch[2]    scratch[3]    current, tss_rest  io_map_base
 *
 * No gate uses IST3 to IST7, and nothing uses rings 1 and 2, so the processor never loads those fields. cpu.c checks
 * the offsets at compile time.
 */
#pragma once

#include <quire/types.h>
#include <arch/regs.h>

#define TSS_OFFSET      4   /* of the TSS in struct percpu */
#define TSS_LIMIT       103 /* last byte; an I/O map base beyond it: user mode has no ports */
#define SCRATCH_USER_SP 0   /* scratch[0]: the user's stack pointer while SYSCALL changes stacks */
#define SCRATCH_IST1    2   /* double fault and machine check: the emergency stack */
#define SCRATCH_IST2    3   /* non-maskable interrupt */
#define IST_EMERGENCY   1
#define IST_NMI         2
#define NMI_STACK_SIZE  4096

struct arch_percpu {
    u8 tss_rest[42]; /* IST4..IST7 and reserved: unused */
    u16 io_map_base;
    u64 gdt[GDT_ENTRIES]; /* per CPU, because each CPU needs its own TSS descriptor */
    u64 deadline_ns;      /* of the timer; ~0: none */
    u8 nmi_stack[NMI_STACK_SIZE] __aligned(16);
};
