/* SPDX-License-Identifier: MIT */
/*
 * Data that leaves the caches' world: frames that a guest and the host hand each other (uv/soft/soft.c), buffers of
 * devices that aren't coherent (<quire/dma.h>). Nothing at all where the hardware keeps them coherent.
 */
#pragma once

#include <quire/counters.h>
#include <arch-generic/cacheflush.h>

/* Memory holds [addr, addr + len) as CPUs stored it, and no cache holds any of it; counted. */
static inline void dcache_flush(const void *addr, size_t len)
{
    if (ARCH_DCACHE_COHERENT)
        return;
    counter_add(COUNTER_DCACHE_BYTES, len);
    arch_dcache_clean_invalidate(addr, len);
}
