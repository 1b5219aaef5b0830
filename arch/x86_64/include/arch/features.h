/* SPDX-License-Identifier: MIT */
#pragma once

#include <quire/types.h>

/* Features from CPUID (cpu.c), read once, on the boot CPU; the other CPUs are assumed to have the same. */
struct cpu_features {
    bool smep, smap, umip, fsgsbase, xsave, rdrand;
    bool x2apic; /* the local APIC is in that mode */
    u32 xcr0;    /* the state that XSAVE keeps for user mode */
};
extern struct cpu_features cpu_features;
