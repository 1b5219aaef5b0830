/* SPDX-License-Identifier: MIT */
/*
 * Caches; the contracts are in arch-generic/cacheflush.h. Instructions: FENCE.I orders this hart's later fetches after
 * the stores that it can see (Unprivileged ISA, Zifencei).
 *
 * Data: whether memory is coherent is a property of the physical address (Privileged ISA, "Physical Memory Attributes"),
 * and main memory of the machines that Quire runs on is coherent, for harts and devices. Only Svpbmt lets a mapping
 * choose other attributes, and Quire doesn't use it. On a machine with non-coherent devices, or guests that may use
 * Svpbmt, maintenance would be CBO.FLUSH of Zicbom for each block of the device tree's riscv,cbom-block-size, then
 * FENCE RW,IORW; the firmware enables it by menvcfg.CBCFE.
 */
#pragma once

#include <quire/types.h>

#define ARCH_ICACHE_COHERENT 0   /* stored code needs maintenance before it is executed */
#define ARCH_ICACHE_LOCAL_FENCE 1 /* ... and each CPU has to do its own part */
#define ARCH_DCACHE_COHERENT 1
#define ARCH_DMA_COHERENT 1
/* Text for reports of stale code. */
#define ARCH_ICACHE_FENCE_NAME "fence.i"
#define ARCH_ICACHE_RULE "fence.i is local to a hart (Unprivileged ISA, \"Zifencei\")"

/* One data fence: afterwards a hart that does FENCE.I sees the stores. */
static inline void arch_icache_clean(const void *addr, size_t len)
{
    (void)addr, (void)len;
    __asm__ volatile("fence rw, rw" ::: "memory");
}
static inline void arch_icache_fence_local(void) { __asm__ volatile("fence.i" ::: "memory"); }
static inline void arch_dcache_clean_invalidate(const void *addr, size_t len) { (void)addr, (void)len; }
