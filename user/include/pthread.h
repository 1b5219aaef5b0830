/* SPDX-License-Identifier: MIT */
/*
 * POSIX threads, over the kernel's threads. Whoever waits sleeps in the kernel until somebody wakes it; locks that
 * nobody waits for cost no system call. Functions return 0 or an error number; they don't set errno. There is no
 * cancellation. fork() copies the calling thread only; the library's own locks are free in the child.
 */
#pragma once

#include <sched.h>
#include <stddef.h>
#include <time.h>

#define PTHREAD_KEYS_MAX              64
#define PTHREAD_STACK_MIN             16384 /* the largest stack: 1 MiB less 64 KiB */
#define PTHREAD_CREATE_JOINABLE       0
#define PTHREAD_CREATE_DETACHED       1
#define PTHREAD_MUTEX_NORMAL          0
#define PTHREAD_MUTEX_RECURSIVE       1
#define PTHREAD_MUTEX_ERRORCHECK      2
#define PTHREAD_MUTEX_DEFAULT         PTHREAD_MUTEX_NORMAL
#define PTHREAD_BARRIER_SERIAL_THREAD (-1)

struct thread_block;
typedef struct thread_block *pthread_t;
typedef unsigned pthread_key_t;
typedef struct {
    size_t stack_bytes;
    int detached;
} pthread_attr_t;
typedef struct {
    int kind;
} pthread_mutexattr_t;
typedef struct {
    int clock;
} pthread_condattr_t;
typedef struct {
    int unused;
} pthread_rwlockattr_t, pthread_barrierattr_t;
typedef struct {
    int held, kind;
    pthread_t owner;
    unsigned again; /* how often a recursive one is locked beyond the first time */
} pthread_mutex_t;
typedef struct {
    unsigned signals;
    int clock;
    unsigned waiting; /* threads that use it just now */
} pthread_cond_t;
typedef struct {
    int users;   /* pthread_rwlock.c */
    int writers; /* that wait: no new reader gets in before them */
} pthread_rwlock_t;
typedef struct {
    int lock;
    unsigned needed, arrived, round;
    unsigned inside; /* threads that still look at round */
} pthread_barrier_t;
typedef struct {
    int state;
} pthread_once_t;
typedef int pthread_spinlock_t;

/* The initializers zero everything. */
#define PTHREAD_MUTEX_INITIALIZER                                                                                      \
    {                                                                                                                  \
        0                                                                                                              \
    }
#define PTHREAD_COND_INITIALIZER                                                                                       \
    {                                                                                                                  \
        0                                                                                                              \
    }
#define PTHREAD_RWLOCK_INITIALIZER                                                                                     \
    {                                                                                                                  \
        0                                                                                                              \
    }
#define PTHREAD_ONCE_INIT                                                                                              \
    {                                                                                                                  \
        0                                                                                                              \
    }

/* --- threads: pthread.c ---------------------------------------------------------------------------- */
int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*start)(void *), void *argument); /* EAGAIN */
void pthread_exit(void *result) __attribute__((noreturn));
int pthread_join(pthread_t t, void **result); /* EDEADLK: itself; EINVAL: it is detached */
int pthread_detach(pthread_t t);              /* EINVAL: it is detached already */
pthread_t pthread_self(void);
int pthread_equal(pthread_t a, pthread_t b);
int pthread_attr_init(pthread_attr_t *attr);
int pthread_attr_destroy(pthread_attr_t *attr);
int pthread_attr_setstacksize(pthread_attr_t *attr, size_t bytes); /* EINVAL: too small or too large */
int pthread_attr_getstacksize(const pthread_attr_t *attr, size_t *bytes);
int pthread_attr_setdetachstate(pthread_attr_t *attr, int state);
int pthread_attr_getdetachstate(const pthread_attr_t *attr, int *state);
/* destroy: called at a thread's end with its value, unless that is NULL. EAGAIN: all keys are taken. */
int pthread_key_create(pthread_key_t *key, void (*destroy)(void *));
int pthread_key_delete(pthread_key_t key); /* EINVAL: there is no such key. No destructor is called */
void *pthread_getspecific(pthread_key_t key);
int pthread_setspecific(pthread_key_t key, const void *value);
int pthread_once(pthread_once_t *once, void (*function)(void));

/* --- mutexes and conditions: pthread_mutex.c -------------------------------------------------------- */
int pthread_mutexattr_init(pthread_mutexattr_t *attr);
int pthread_mutexattr_destroy(pthread_mutexattr_t *attr);
int pthread_mutexattr_settype(pthread_mutexattr_t *attr, int kind);
int pthread_mutexattr_gettype(const pthread_mutexattr_t *attr, int *kind);
int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr);
int pthread_mutex_destroy(pthread_mutex_t *m); /* EBUSY: it is locked */
int pthread_mutex_lock(pthread_mutex_t *m);    /* EDEADLK: kind ERRORCHECK, and the caller has it */
int pthread_mutex_trylock(pthread_mutex_t *m); /* EBUSY */
int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *until); /* ETIMEDOUT */
int pthread_mutex_unlock(pthread_mutex_t *m); /* EPERM: not kind NORMAL, and another thread has it */
int pthread_condattr_init(pthread_condattr_t *attr);
int pthread_condattr_destroy(pthread_condattr_t *attr);
int pthread_condattr_setclock(pthread_condattr_t *attr, int clock);
int pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *attr);
int pthread_cond_destroy(pthread_cond_t *c); /* waits until the threads that a broadcast woke have left it */
int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until); /* ETIMEDOUT */
int pthread_cond_signal(pthread_cond_t *c);
int pthread_cond_broadcast(pthread_cond_t *c);

/* --- read-write locks, barriers, spin locks: pthread_rwlock.c ----------------------------------------- */
int pthread_rwlock_init(pthread_rwlock_t *l, const pthread_rwlockattr_t *attr);
int pthread_rwlock_destroy(pthread_rwlock_t *l); /* EBUSY */
int pthread_rwlock_rdlock(pthread_rwlock_t *l);
int pthread_rwlock_tryrdlock(pthread_rwlock_t *l); /* EBUSY */
int pthread_rwlock_wrlock(pthread_rwlock_t *l);
int pthread_rwlock_trywrlock(pthread_rwlock_t *l); /* EBUSY */
int pthread_rwlock_unlock(pthread_rwlock_t *l);
int pthread_barrier_init(pthread_barrier_t *b, const pthread_barrierattr_t *attr, unsigned needed); /* EINVAL: 0 */
int pthread_barrier_destroy(pthread_barrier_t *b); /* EBUSY: a thread waits for others */
int pthread_barrier_wait(pthread_barrier_t *b);
int pthread_spin_init(pthread_spinlock_t *l, int shared);
int pthread_spin_destroy(pthread_spinlock_t *l);
int pthread_spin_lock(pthread_spinlock_t *l);
int pthread_spin_trylock(pthread_spinlock_t *l); /* EBUSY */
int pthread_spin_unlock(pthread_spinlock_t *l);
