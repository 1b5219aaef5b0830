/* SPDX-License-Identifier: MIT */
/* The CPU's features; cpu.c reads them from CPUID. */
#include "platform.h"

struct cpu_features cpu_features;
