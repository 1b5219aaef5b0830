/* SPDX-License-Identifier: MIT */
/*
 * Caches (Arm ARM, "Caches and memory hierarchy"); the contracts are in arch-generic/cacheflush.h. Instructions: data is
 * cleaned to the point of unification, then instruction lines are invalidated, line by line and for all CPUs of the inner
 * shareable domain. Each CPU then owes itself a context synchronisation: an ISB, or the exception return that it needs
 * anyway. But one that is in user mode all the while doesn't come to either by itself, so it is sent a message.
 *
 * Data: CPUs' caches are coherent for memory that all map as normal, write-back, inner shareable. A mapping with other
 * attributes sees what is behind the caches ("Mismatched memory attributes"), so a frame that such a mapping may have
 * shown is cleaned and invalidated by lines, to the point of coherency. Devices of the machine `virt` are coherent: its
 * device tree says dma-coherent.
 */
#pragma once

#include <quire/types.h>
#include <arch/sysreg.h>

#define ARCH_ICACHE_COHERENT 0    /* stores need maintenance before they are executed */
#define ARCH_ICACHE_LOCAL_FENCE 1 /* IC IVAU is broadcast, but each CPU synchronises its own context */
#define ARCH_DCACHE_COHERENT 0    /* not between mappings with different attributes */
#define ARCH_DMA_COHERENT 1
/* What a report of stale code quotes. */
#define ARCH_ICACHE_FENCE_NAME "context synchronisation"
#define ARCH_ICACHE_RULE "clean and invalidate each line, a DSB behind both (Arm ARM, \"Synchronization and coherency\")"

void arch_icache_clean(const void *addr, size_t len);
void arch_dcache_clean_invalidate(const void *addr, size_t len);
static inline void arch_icache_fence_local(void) { isb(); }
