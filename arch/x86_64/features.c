/* SPDX-License-Identifier: MIT */
/* What the CPU has; cpu.c reads it from CPUID. */
#include "platform.h"

struct cpu_features cpu_features;
