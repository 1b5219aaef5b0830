/* SPDX-License-Identifier: MIT */
/* Kernel contexts (the registers that a switch saves) and the floating-point state of user threads. */
#pragma once

#include <quire/types.h>

struct trapframe;

struct arch_context {
    u64 sp; /* callee-saved registers are on the stack */
};

struct arch_fpu {
    u64 f[32];
    u64 fcsr;
};
