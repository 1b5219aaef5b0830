/* SPDX-License-Identifier: MIT */
/* Instruction caches of the native machine, counted by machine/machine.c. */
#pragma once

#include <quire/types.h>
#include <arch/constants.h>

void arch_icache_clean(const void *addr, size_t len);
void arch_icache_fence_local(void);
