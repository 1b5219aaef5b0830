/* SPDX-License-Identifier: MIT */
/* Kernel contexts (what survives a switch) and what else a user thread keeps in the processor. */
#pragma once

#include <quire/types.h>

struct trapframe;

struct arch_context {
    u64 sp; /* callee-saved registers are on the stack */
};

/* XSAVE standard format (SDM 1 13.4): 512 bytes legacy, 64 header, 256 upper halves of YMM. */
#define XSAVE_AREA_SIZE 832

struct arch_fpu {
    u8 area[XSAVE_AREA_SIZE] __aligned(64);
    u64 fs_base; /* user mode sets both by itself (FSGSBASE) */
    u64 gs_base;
    u16 ds, es, fs, gs; /* selectors, which a program may load: they are its own like any register */
};
