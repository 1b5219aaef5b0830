/* SPDX-License-Identifier: MIT */
/*
 * Contract: caches. Each machine's arch/cacheflush.h holds the code; it quotes its manual on what the hardware does by
 * itself. Generic code reaches these functions through mm/folios/cacheflush.c (code) and <quire/dcache.h> (frames that
 * pass between guest and host, or CPU and device).
 *
 * ARCH_ICACHE_COHERENT     1: stored bytes can be executed; a CPU fetches them after it has serialised.
 * ARCH_ICACHE_LOCAL_FENCE  1: each CPU must call arch_icache_fence_local() itself before it executes new code.
 * ARCH_DCACHE_COHERENT     1: a read of a byte through any mapping sees the last store to this byte.
 *                          0: only while all mappings of the byte have the same attributes (write-back).
 * ARCH_DMA_COHERENT        1: devices see what CPUs stored, and CPUs what devices wrote, with no cache maintenance.
 *
 * Ranges are kernel addresses, [addr, addr + len), len > 0, any alignment; maintenance is done for each line that holds
 * a byte of them. Callable with any lock held, interrupts on or off. Nothing here can fail.
 */
#pragma once

#include <quire/types.h>
#include <arch/cacheflush.h>

/*
 * Make this CPU's earlier stores to the range executable. From now on every CPU fetches them, as soon as that CPU has
 * done its own part: arch_icache_fence_local() where ARCH_ICACHE_LOCAL_FENCE, else a return to user mode.
 */
void arch_icache_clean(const void *addr, size_t len);

/* This CPU's part: afterwards this CPU fetches no code older than the stores that it could see at the call. */
void arch_icache_fence_local(void);

/*
 * Clean and invalidate to the point of coherency, where everything that can reach memory sees the same bytes.
 * Afterwards memory holds what CPUs stored to the range before. No cache holds a byte of the range, dirty or clean,
 * until somebody reads it again.
 * Complete on return, for CPUs and devices. Empty where ARCH_DCACHE_COHERENT.
 */
void arch_dcache_clean_invalidate(const void *addr, size_t len);
