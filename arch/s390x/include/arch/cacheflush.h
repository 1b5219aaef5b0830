/* SPDX-License-Identifier: MIT */
/*
 * Caches; the contracts are in arch-generic/cacheflush.h. Instruction fetches are coherent: after its next
 * serialisation, a CPU fetches its own stores and those of other CPUs (z/Architecture Principles of Operation, chapter
 * 5, "Program Execution"). Every interruption and every LPSWE serialises, so user code needs nothing more, and the
 * local fence is never called.
 *
 * Data: storage has one set of contents for CPUs and channels, and no mapping can choose anything else: the only memory
 * attributes are keys and protection (chapter 3, "Storage").
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

static inline void arch_icache_clean(const void *addr, size_t len)
{
    (void)addr, (void)len;
    __asm__ volatile("bcr 15,0" ::: "memory");
}
static inline void arch_icache_fence_local(void)
{
    __asm__ volatile("bcr 15,0" ::: "memory");
}
static inline void arch_dcache_clean_invalidate(const void *addr, size_t len) { (void)addr, (void)len; }
