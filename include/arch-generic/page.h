/* SPDX-License-Identifier: MIT */
/*
 * Contract: filling whole frames with zeros. arch/page.h may define ARCH_HAS_ZERO and arch_zero() if the machine has a
 * faster way than eight-byte stores. `to` and `bytes` are multiples of 4096; `to` is in the direct map.
 */
#pragma once

#include <quire/types.h>
#include <arch/page.h>

#ifndef ARCH_HAS_ZERO
static inline void arch_zero(void *to, size_t bytes)
{
    u64 *end = (u64 *)((u8 *)to + bytes);

    for (u64 *w = to; w < end; w += 32) {
#pragma GCC unroll 32
        for (unsigned i = 0; i < 32; i++)
            ((volatile u64 *)w)[i] = 0;
    }
}
#endif
