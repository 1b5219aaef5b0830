/* SPDX-License-Identifier: MIT */
/*
 * Caches (Arm ARM, "Caches and memory hierarchy"); the contracts are in arch-generic/cacheflush.h. Instructions: data is
 * cleaned to the point of unification, then instruction lines are invalidated, line by line and for all CPUs of the inner
 * shareable domain. Each CPU then needs a context synchronisation of its own: an ISB, or an exception return. A CPU
 * that stays in user mode does neither by itself, so it is sent a message.
 *
 * Data: CPUs' caches are coherent for memory that all mappings show as normal, write-back, inner shareable. A mapping
 * with other attributes sees the memory behind the caches ("Mismatched memory attributes"). So a frame that such a
 * mapping may have shown is cleaned and invalidated line by line, to the point of coherency. Devices of the machine
 * `virt` are coherent: its device tree says dma-coherent.
 */
#pragma once

#include <quire/types.h>
#include <arch/sysreg.h>

#define ARCH_ICACHE_COHERENT 0    /* stored code needs maintenance before it is executed */
#define ARCH_ICACHE_LOCAL_FENCE 1 /* IC IVAU is broadcast, but each CPU synchronises its own context */
#define ARCH_DCACHE_COHERENT 0    /* not coherent between mappings with different attributes */
#define ARCH_DMA_COHERENT 1
/* Text for reports of stale code. */
#define ARCH_ICACHE_FENCE_NAME "context synchronisation"
#define ARCH_ICACHE_RULE "clean and invalidate each line, a DSB behind both (Arm ARM, \"Synchronization and coherency\")"

void arch_icache_clean(const void *addr, size_t len);
void arch_dcache_clean_invalidate(const void *addr, size_t len);
static inline void arch_icache_fence_local(void) { isb(); }
