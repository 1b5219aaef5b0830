/* SPDX-License-Identifier: MIT */
/*
 * The library's own locks: one word. Whoever takes or drops a lock that nobody waits for makes no system call. Whoever
 * waits leaves LOCK_AWAITED in the word, also when it gets the lock: others may wait still.
 */
#pragma once

#include "futex.h"

enum { LOCK_FREE, LOCK_HELD, LOCK_AWAITED };

void __lock_contended(int *word);

/* False: somebody holds it. */
static inline int try_lock(int *word)
{
    int state = LOCK_FREE;

    return __atomic_compare_exchange_n(word, &state, LOCK_HELD, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void lock(int *word)
{
    if (!try_lock(word))
        __lock_contended(word);
}

/* The word may be gone as soon as another thread can take the lock. */
static inline void unlock(int *word)
{
    if (__atomic_exchange_n(word, LOCK_FREE, __ATOMIC_RELEASE) == LOCK_AWAITED)
        futex_wake(word, 1);
}

/* fork() holds these locks, so that no other thread is in the middle of a change when the memory is copied. */
void __lock_heap(void);
void __unlock_heap(void);
void __lock_keys(void);
void __unlock_keys(void);
void __lock_threads(void);
/* in_child: only the calling thread is left. */
void __unlock_threads(int in_child);
