/* SPDX-License-Identifier: MIT */
/*
 * Buffers that a device reads or writes by itself. A buffer belongs to one side at a time, and these two calls hand it
 * over. No driver of Quire does DMA yet, and devices of the four machines snoop the CPUs' caches (ARCH_DMA_COHERENT;
 * the manual is named in each arch/cacheflush.h), so the calls only order accesses to memory and device registers. But
 * a driver that makes these calls is also right on a machine whose devices don't snoop.
 *
 *   the device reads   the CPU fills the buffer; dma_sync_for_device(); the driver tells the device (doorbell).
 *                      Before the next filling: dma_sync_for_cpu(), which costs almost nothing.
 *   the device writes  dma_sync_for_device(), so that no dirty line is written over what the device stores later; the
 *                      driver tells the device; the device says that it is done (interrupt, used ring);
 *                      dma_sync_for_cpu(), which drops lines that were fetched ahead meanwhile; the CPU reads.
 *   both (a ring)      each entry is handed over by itself, as above.
 *
 * The calls take no direction: both clean and invalidate. Between the two calls no CPU touches the buffer, so no line
 * is dirty at the second call. Maintenance works on whole lines, so a buffer that a non-coherent device writes may
 * share no line with anything else. Whole pages are always right (arm64: CTR_EL0.CWG, at most 2 KiB; riscv64: the block
 * size of Zicbom).
 */
#pragma once

#include <quire/dcache.h>
#include <arch/cpu.h>

_Static_assert(ARCH_DMA_COHERENT || !ARCH_DCACHE_COHERENT, "a device can't be kept coherent by maintenance that is empty");

/* The buffer belongs to the device from here on. The device sees what CPUs stored to [addr, addr + len) of the direct
 * map, if the driver tells it to start after this call. */
static inline void dma_sync_for_device(const void *addr, size_t len)
{
    if (!ARCH_DMA_COHERENT)
        dcache_flush(addr, len);
    arch_io_fence();
}

/* The buffer belongs to the CPUs from here on. They see what the device stored there before it said that it was
 * done. */
static inline void dma_sync_for_cpu(const void *addr, size_t len)
{
    arch_io_fence();
    if (!ARCH_DMA_COHERENT)
        dcache_flush(addr, len);
}
