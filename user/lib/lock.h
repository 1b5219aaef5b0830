/* SPDX-License-Identifier: MIT */
/*
 * Locks of one word. Whoever takes or drops a lock that nobody waits for makes no system call.
 *
 *   LOCK_FREE
 *   LOCK_HELD       nobody waits
 *   LOCK_AWAITED    threads may wait: whoever drops the lock frees it and wakes one; the first who comes takes it
 *   LOCK_IMPATIENT  one has been woken and came too late: whoever drops the lock keeps it for those who wait
 *   LOCK_GIVEN      it is kept: only a thread that has waited takes it
 *
 * So a thread that waits isn't passed again and again by one that takes and drops the lock all the time.
 */
#pragma once

#include "futex.h"

enum { LOCK_FREE, LOCK_HELD, LOCK_AWAITED, LOCK_IMPATIENT, LOCK_GIVEN };

/* Waits for the lock, until this time (NULL: for ever). 0; ETIMEDOUT. */
int __lock_contended(int *word, const struct timespec *until);
void __unlock_contended(int *word);

static inline int lock_change(int *word, int from, int to, int order)
{
    return __atomic_compare_exchange_n(word, &from, to, 0, order, __ATOMIC_RELAXED);
}

/* False: somebody holds it. */
static inline int try_lock(int *word) { return lock_change(word, LOCK_FREE, LOCK_HELD, __ATOMIC_ACQUIRE); }

static inline void lock(int *word)
{
    if (!try_lock(word))
        __lock_contended(word, NULL);
}

/* The word may be gone as soon as another thread can take the lock. */
static inline void unlock(int *word)
{
    if (!lock_change(word, LOCK_HELD, LOCK_FREE, __ATOMIC_RELEASE))
        __unlock_contended(word);
}

/* After fork(), in the child: those who wait are in the parent. */
static inline void unlock_alone(int *word) { __atomic_store_n(word, LOCK_FREE, __ATOMIC_RELEASE); }

/* fork() holds these locks, so that no other thread is in the middle of a change when the memory is copied. */
void __lock_heap(void);
void __lock_keys(void);
void __lock_threads(void);
/* in_child: only the calling thread is left. */
void __unlock_heap(int in_child);
void __unlock_keys(int in_child);
void __unlock_threads(int in_child);
static inline void unlock_after_fork(int *word, int in_child) { in_child ? unlock_alone(word) : unlock(word); }
