/* SPDX-License-Identifier: MIT */
/* Kernel contexts (the registers that a switch saves) and other processor state of a user thread. */
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
    u64 fs_base; /* user mode sets both bases itself (FSGSBASE) */
    u64 gs_base;
    u16 ds, es, fs, gs; /* selectors: a program may load them, so they are saved like its registers */
};
