/* SPDX-License-Identifier: MIT */
/* Zeroing by DC ZVA, a block of DCZID_EL0.BS words at a time (Arm ARM, "DCZID_EL0, Data Cache Zero ID register"). */
#pragma once

#include <quire/types.h>

#define ARCH_HAS_ZERO 1

static inline void arch_zero(void *to, size_t bytes)
{
    u64 dczid;
    u8 *p = to, *end = p + bytes;

    __asm__("mrs %0, dczid_el0" : "=r"(dczid));
    size_t step = 4UL << (dczid & 15);
    if (unlikely(dczid & 16)) { /* DZP: prohibited */
        for (; p < end; p += 16)
            __asm__ volatile("stp xzr, xzr, [%0]" ::"r"(p) : "memory");
        return;
    }
    for (; p < end; p += 4 * step) { /* a step is at most 512 bytes here, so 4 steps divide a frame evenly */
        __asm__ volatile("dc zva, %0" ::"r"(p) : "memory");
        __asm__ volatile("dc zva, %0" ::"r"(p + step) : "memory");
        __asm__ volatile("dc zva, %0" ::"r"(p + 2 * step) : "memory");
        __asm__ volatile("dc zva, %0" ::"r"(p + 3 * step) : "memory");
    }
}
