/* SPDX-License-Identifier: MIT */
/* The library's own locks: a word that is 1 while somebody holds the lock. */
#pragma once

#include <sched.h>

static inline void lock(int *word)
{
    while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE))
        sched_yield();
}

static inline void unlock(int *word) { __atomic_store_n(word, 0, __ATOMIC_RELEASE); }

/* fork() holds these locks, so that no other thread is in the middle of a change when the memory is copied. */
void __lock_heap(void);
void __unlock_heap(void);
void __lock_keys(void);
void __unlock_keys(void);
void __lock_threads(void);
/* in_child: only the calling thread is left. */
void __unlock_threads(int in_child);
