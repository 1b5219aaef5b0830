/* SPDX-License-Identifier: MIT */
/*
 * Instruction caches: the hardware keeps them coherent with every CPU's stores. What may be old is
 * only what a CPU has already fetched into its pipeline. It drops that itself where it stores to
 * its own code (self-modifying code, Intel SDM 3A 11.6); for code that another CPU changes it needs
 * a serialising instruction before it runs it (cross-modifying code, 3A 8.1.3): the IRET that ends
 * every interrupt and fault, or the load of CR3 in every switch of address spaces. A page just
 * mapped executable can't be in the pipeline: until then its addresses had no translation, and they
 * are reached through a fault. So there is nothing to do, and no CPU has a part of its own.
 */
#pragma once

#include <quire/types.h>

#define ARCH_ICACHE_COHERENT    1
#define ARCH_ICACHE_LOCAL_FENCE 0
/* What a report of stale code quotes. */
#define ARCH_ICACHE_FENCE_NAME "serialisation"
#define ARCH_ICACHE_RULE "this machine is coherent, ICACHE=stale plays one that isn't"

static inline void arch_icache_clean(const void *addr, size_t len) { (void)addr, (void)len; }
static inline void arch_icache_fence_local(void) {}
