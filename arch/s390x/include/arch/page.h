/* SPDX-License-Identifier: MIT */
/* Zeroing by EXCLUSIVE OR (XC) of storage with itself, 256 bytes at a time (Principles of Operation, chapter 7). */
#pragma once

#include <quire/types.h>

#define ARCH_HAS_ZERO 1

static inline void arch_zero(void *to, size_t bytes)
{
    for (u8 *p = to, *end = p + bytes; p < end; p += 1024)
        __asm__ volatile("xc 0(256,%0),0(%0)\n\txc 256(256,%0),256(%0)\n\t"
                         "xc 512(256,%0),512(%0)\n\txc 768(256,%0),768(%0)" ::"a"(p)
                         : "memory", "cc");
}
