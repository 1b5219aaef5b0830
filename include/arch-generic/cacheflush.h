/* SPDX-License-Identifier: MIT */
/*
 * Contract: caches. Each machine's arch/cacheflush.h holds the code, and says with its manual what its hardware does
 * by itself. Generic code reaches these through mm/folios/cacheflush.c (code) and <quire/dcache.h> (frames that
 * change sides).
 *
 * ARCH_ICACHE_COHERENT     1: what is stored can be executed; a CPU that serialises fetches it.
 * ARCH_ICACHE_LOCAL_FENCE  1: not before each CPU that executes it did arch_icache_fence_local() itself.
 * ARCH_DCACHE_COHERENT     1: whoever reaches a byte of memory through whatever mapping sees the last store to it.
 *                          0: only while all mappings of it have the same attributes (write-back).
 * ARCH_DMA_COHERENT        1: devices see what CPUs stored, and CPUs what devices wrote, with no cache maintenance.
 *
 * Ranges are kernel addresses, [addr, addr + len), len > 0, any alignment; maintenance is done for each line that holds
 * a byte of them. Callable with any lock held, interrupts on or off. Nothing here can fail.
 */
#pragma once

#include <quire/types.h>
#include <arch/cacheflush.h>

/*
 * Everybody's part of making stores executable: this CPU's earlier stores to the range are what every CPU fetches
 * from now on, once it did its own part: arch_icache_fence_local() where ARCH_ICACHE_LOCAL_FENCE, else a return to
 * user mode.
 */
void arch_icache_clean(const void *addr, size_t len);

/* This CPU's part: it fetches nothing older than what it could see when it called this. */
void arch_icache_fence_local(void);

/*
 * To the point of coherency, where all that can reach memory see the same: what is in memory afterwards is what CPUs
 * stored to the range before, and no cache holds any byte of it, dirty or clean, until somebody reads it again.
 * Complete on return, for CPUs and devices. Empty where ARCH_DCACHE_COHERENT.
 */
void arch_dcache_clean_invalidate(const void *addr, size_t len);
