/* SPDX-License-Identifier: MIT */
/* What tests of POSIX threads share. */
#pragma once

#include "child.h"
#include <pthread.h>
#include <sched.h>

#define NR              4
#define LOAD(x)         __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, value) __atomic_store_n(&(x), value, __ATOMIC_RELEASE)
#define ADD(x, n)       __atomic_add_fetch(&(x), n, __ATOMIC_RELAXED)

static inline void start(pthread_t t[], int nr, void *(*function)(void *))
{
    for (long i = 0; i < nr; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, function, (void *)i), 0);
}

static inline void join(pthread_t t[], int nr)
{
    for (int i = 0; i < nr; i++)
        EXPECT_EQ(pthread_join(t[i], NULL), 0);
}
