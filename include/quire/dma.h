/* SPDX-License-Identifier: MIT */
/*
 * Buffers that a device reads or writes by itself. A buffer belongs to one side at a time, and these two calls hand it
 * over. No driver of Quire does DMA yet, and devices of the four machines snoop the CPUs' caches (ARCH_DMA_COHERENT, with
 * the manual in each arch/cacheflush.h), so what is left is the order of memory and device registers; but a driver that
 * makes these calls is right on a machine whose devices don't.
 *
 *   the device reads   the CPU fills the buffer; dma_sync_for_device(); the driver tells the device (doorbell).
 *                      Before the next filling: dma_sync_for_cpu(), which costs nothing to speak of.
 *   the device writes  dma_sync_for_device(), so that no dirty line is written over what the device stores later; the
 *                      driver tells the device; the device says that it is done (interrupt, used ring);
 *                      dma_sync_for_cpu(), which drops what was fetched ahead meanwhile; the CPU reads.
 *   both (a ring)      each entry changes sides by itself, as above.
 *
 * There is no direction to give: both clean and invalidate, and between the two calls no CPU touches the buffer, so in
 * the second one no line is dirty. Maintenance is by lines: a buffer that a non-coherent device writes shares no line with
 * anything else: whole pages are always right (arm64: CTR_EL0.CWG, at most 2 KiB; riscv64: the block size of Zicbom).
 */
#pragma once

#include <quire/dcache.h>
#include <arch/cpu.h>

_Static_assert(ARCH_DMA_COHERENT || !ARCH_DCACHE_COHERENT, "a device can't be kept coherent by maintenance that is empty");

/* The device's from here on: it sees what CPUs stored to [addr, addr + len) of the direct map, if it is told afterwards. */
static inline void dma_sync_for_device(const void *addr, size_t len)
{
    if (!ARCH_DMA_COHERENT)
        dcache_flush(addr, len);
    arch_io_fence();
}

/* The CPUs' from here on: they see what the device stored there before it said that it was done. */
static inline void dma_sync_for_cpu(const void *addr, size_t len)
{
    arch_io_fence();
    if (!ARCH_DMA_COHERENT)
        dcache_flush(addr, len);
}
