/* SPDX-License-Identifier: MIT */
/*
 * Caches; the contracts are in arch-generic/cacheflush.h. Instruction fetches are coherent: a CPU fetches what it stored,
 * and what others stored, from its next serialisation on (z/Architecture Principles of Operation, chapter 5, "Program
 * Execution"). Every interruption and every LPSWE serialises, so user code needs nothing more, and the local fence isn't
 * asked for.
 *
 * Data: storage has one set of contents for CPUs and channels, and no mapping can ask for anything else: there are no
 * memory attributes but keys and protection (chapter 3, "Storage").
 */
#pragma once

#include <quire/types.h>

#define ARCH_ICACHE_COHERENT    1
#define ARCH_ICACHE_LOCAL_FENCE 0
#define ARCH_DCACHE_COHERENT    1
#define ARCH_DMA_COHERENT       1
/* What a report of stale code quotes. */
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
