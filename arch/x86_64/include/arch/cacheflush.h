/* SPDX-License-Identifier: MIT */
/*
 * Caches; the contracts are in arch-generic/cacheflush.h. Instructions: the hardware keeps the caches coherent with every
 * CPU's stores. Only instructions that a CPU has already fetched into its pipeline may be stale. The CPU drops them
 * itself when it stores to its own code (self-modifying code, Intel SDM 3A 11.6). Before it runs code that another CPU
 * has changed, it needs a serialising instruction (cross-modifying code, 3A 8.1.3): the IRET that ends every interrupt
 * and fault, or the load of CR3 in every switch of address spaces. A page just mapped executable can't be in the
 * pipeline, because its addresses had no translation before and are reached through a fault. So the functions do
 * nothing, and no CPU has to fence.
 *
 * Data: caches are coherent by physical address and snoop devices too (SDM 3A 11.2, 11.4). A processor with self-snoop
 * (CPUID.1:EDX.SS; 11.11.8) also keeps mappings of different memory types coherent. A processor without it would need
 * CLFLUSH of each line here if a guest could choose types, which Quire's guests can't.
 */
#pragma once

#include <quire/types.h>

#define ARCH_ICACHE_COHERENT    1
#define ARCH_ICACHE_LOCAL_FENCE 0
#define ARCH_DCACHE_COHERENT    1
#define ARCH_DMA_COHERENT       1
/* Text for reports of stale code. */
#define ARCH_ICACHE_FENCE_NAME "serialisation"
#define ARCH_ICACHE_RULE "this machine is coherent, ICACHE=stale plays one that isn't"

static inline void arch_icache_clean(const void *addr, size_t len) { (void)addr, (void)len; }
static inline void arch_icache_fence_local(void) {}
static inline void arch_dcache_clean_invalidate(const void *addr, size_t len) { (void)addr, (void)len; }
