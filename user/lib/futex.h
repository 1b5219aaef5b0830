/* SPDX-License-Identifier: MIT */
/*
 * How the library's threads wait: for a word of memory, in the kernel. Whoever waits looks at the word first; whoever
 * changes it wakes those who wait. Only the word's address goes to the kernel when somebody is woken; so a word may be
 * gone by then, which wakes nobody, or others for nothing.
 */
#pragma once

#include <time.h>
#include <uapi/quire/ipc.h>
#include <quire/sys.h>

#define FUTEX_ALL (~0ul)

/* Until somebody wakes the word, or at once if it has another value. It may also return for nothing. */
static inline void futex_wait(const void *word, unsigned expected) { quire_call(futex_wait, word, expected, 0); }
static inline void futex_wake(const void *word, unsigned long threads) { quire_call(futex_wake, word, threads); }

/* The same until this time of a clock, NULL: for ever. ETIMEDOUT: it has come; else 0. */
int __futex_wait_until(const void *word, unsigned expected, const struct timespec *until);

/*
 * Counts those who use something that another thread may destroy: it waits for the last of them. A word: their number,
 * and a bit when somebody waits.
 */
#define VISITORS_AWAITED 0x80000000u
static inline void visit(unsigned *visitors) { __atomic_add_fetch(visitors, 1, __ATOMIC_SEQ_CST); }
/* Returns how many stay. What is visited may be gone after this. */
static inline unsigned leave(unsigned *visitors)
{
    unsigned left = __atomic_sub_fetch(visitors, 1, __ATOMIC_SEQ_CST);

    if (left == VISITORS_AWAITED)
        futex_wake(visitors, FUTEX_ALL);
    return left & ~VISITORS_AWAITED;
}
void __await_visitors(unsigned *visitors);
