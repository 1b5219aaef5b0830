/* SPDX-License-Identifier: MIT */
/* Waits of the library's threads: futex.h. */
#include <errno.h>
#include "futex.h"

#define NS_PER_S    1000000000L
#define LONGEST_US  (1L << 50) /* of one wait in the kernel */

/* Microseconds from now until then, rounded up; 0: it has come. */
static long us_until(const struct timespec *until)
{
    long now = quire_call(clock), then;

    if (__builtin_mul_overflow(until->tv_sec, NS_PER_S, &then) || __builtin_add_overflow(then, until->tv_nsec, &then))
        then = until->tv_sec < 0 ? 0 : __LONG_MAX__;
    long us = then > now ? (then - now - 1) / 1000 + 1 : 0;
    return us < LONGEST_US ? us : LONGEST_US;
}

int __futex_wait_until(const void *word, unsigned expected, const struct timespec *until)
{
    long us = until ? us_until(until) : 0;

    if (until && !us)
        return ETIMEDOUT;
    quire_call(futex_wait, word, expected, QUIRE_INFO_LIMIT_US(us));
    return 0;
}

void __await_visitors(unsigned *visitors)
{
    unsigned left = __atomic_or_fetch(visitors, VISITORS_AWAITED, __ATOMIC_ACQUIRE);

    while (left != VISITORS_AWAITED) {
        futex_wait(visitors, left);
        left = __atomic_load_n(visitors, __ATOMIC_ACQUIRE);
    }
    __atomic_store_n(visitors, 0, __ATOMIC_RELAXED);
}
