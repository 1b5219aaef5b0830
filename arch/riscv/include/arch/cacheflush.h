/* SPDX-License-Identifier: MIT */
/* Instruction caches: FENCE.I orders this hart's fetches behind stores it can see (Zifencei). */
#pragma once

#include <quire/types.h>

#define ARCH_ICACHE_COHERENT 0   /* stores need maintenance before they are executed */
#define ARCH_ICACHE_LOCAL_FENCE 1 /* ... and each CPU has to do its own part */
/* What a report of stale code quotes. */
#define ARCH_ICACHE_FENCE_NAME "fence.i"
#define ARCH_ICACHE_RULE "fence.i is local to a hart (Unprivileged ISA, \"Zifencei\")"

/* Clean data, invalidate instructions for kernel addresses [addr, addr + len): here one data fence. */
static inline void arch_icache_clean(const void *addr, size_t len)
{
    (void)addr, (void)len;
    __asm__ volatile("fence rw, rw" ::: "memory");
}
static inline void arch_icache_fence_local(void) { __asm__ volatile("fence.i" ::: "memory"); }
