/* SPDX-License-Identifier: MIT */
/*
 * Instruction caches (Arm ARM, "Caches and memory hierarchy"): data is cleaned to the point of
 * unification, then instruction lines are invalidated, line by line and for all CPUs of the inner
 * shareable domain. Each CPU then owes itself a context synchronisation, which a return to user
 * mode is anyway.
 */
#pragma once

#include <quire/types.h>
#include <arch/sysreg.h>

#define ARCH_ICACHE_COHERENT 0    /* stores need maintenance before they are executed */
#define ARCH_ICACHE_LOCAL_FENCE 0 /* IC IVAU is broadcast: other CPUs need not be asked */
/* What a report of stale code quotes. */
#define ARCH_ICACHE_FENCE_NAME "context synchronisation"
#define ARCH_ICACHE_RULE "clean and invalidate each line, a DSB behind both (Arm ARM, \"Synchronization and coherency\")"

/* Clean data, invalidate instructions for kernel addresses [addr, addr + len). */
void arch_icache_clean(const void *addr, size_t len);
static inline void arch_icache_fence_local(void) { isb(); }
