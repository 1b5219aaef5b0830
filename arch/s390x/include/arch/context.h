/* SPDX-License-Identifier: MIT */
/*
 * Kernel contexts (the registers that a switch saves) and the floating-point state of user threads: the vector
 * registers, whose left halves are f0-f15, the control register, and the access registers. The kernel never uses access
 * registers; user space keeps its thread pointer in a0 and a1.
 */
#pragma once

#include <quire/types.h>

#define ARCH_USER_FRAME_IS_OWN 1 /* r14 of a function is in its caller's frame */

struct trapframe;

struct arch_context {
    u64 sp; /* callee-saved registers are in the save area there */
};

struct arch_fpu {
    u64 v[32][2];
    u32 access[16];
    u32 fpc;
};
