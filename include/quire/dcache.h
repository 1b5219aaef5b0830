/* SPDX-License-Identifier: MIT */
/*
 * Cache maintenance for data: frames that a guest and the host hand each other (uv/soft/soft.c), and buffers of devices
 * that aren't coherent (<quire/dma.h>). Where the hardware keeps caches coherent this does nothing.
 */
#pragma once

#include <quire/counters.h>
#include <arch-generic/cacheflush.h>

/* Afterwards memory holds [addr, addr + len) as CPUs stored it, and no cache holds any byte of it. Counts the bytes. */
static inline void dcache_flush(const void *addr, size_t len)
{
    if (ARCH_DCACHE_COHERENT)
        return;
    counter_add(COUNTER_DCACHE_BYTES, len);
    arch_dcache_clean_invalidate(addr, len);
}
