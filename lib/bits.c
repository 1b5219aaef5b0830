/* SPDX-License-Identifier: MIT */
/*
 * Counting bits, for machines without instructions for it: the compiler calls these names (GCC internals,
 * "Routines for integer arithmetic") for __builtin_clzl and similar built-ins.
 */
#include <stdint.h>

int __clzdi2(uint64_t x);
int __ctzdi2(uint64_t x);
int __popcountdi2(uint64_t x);

int __clzdi2(uint64_t x)
{
    int n = 0;

#pragma GCC unroll 6 /* the scheduler asks for each thread that it chooses */
    for (int step = 32; step; step /= 2)
        if (x >> (64 - step) == 0) {
            x <<= step;
            n += step;
        }
    return n;
}

int __ctzdi2(uint64_t x) { return 63 - __clzdi2(x & -x); }

int __popcountdi2(uint64_t x)
{
    int n = 0;

    for (; x; x &= x - 1)
        n++;
    return n;
}
