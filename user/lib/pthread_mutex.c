/* SPDX-License-Identifier: MIT */
/* Mutexes and conditions. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include "lock.h"
#include "thread_block.h"

static bool is_time(const struct timespec *t) { return !t || (t->tv_nsec >= 0 && t->tv_nsec < 1000000000); }

/* --- mutexes ----------------------------------------------------------------------------------------- */
int pthread_mutexattr_init(pthread_mutexattr_t *attr) { return attr->kind = PTHREAD_MUTEX_DEFAULT, 0; }
int pthread_mutexattr_destroy(pthread_mutexattr_t *attr) { return (void)attr, 0; }
int pthread_mutexattr_gettype(const pthread_mutexattr_t *attr, int *kind) { return *kind = attr->kind, 0; }
int pthread_mutexattr_settype(pthread_mutexattr_t *attr, int kind)
{
    if (kind < PTHREAD_MUTEX_NORMAL || kind > PTHREAD_MUTEX_ERRORCHECK)
        return EINVAL;
    attr->kind = kind;
    return 0;
}

int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
    *m = (pthread_mutex_t){.kind = attr ? attr->kind : PTHREAD_MUTEX_DEFAULT};
    return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *m) { return __atomic_load_n(&m->held, __ATOMIC_RELAXED) ? EBUSY : 0; }

/* Only the owner itself ever reads its own name here, so a plain look is enough. */
static bool is_mine(const pthread_mutex_t *m)
{
    return __atomic_load_n(&m->owner, __ATOMIC_RELAXED) == __thread_self();
}

int pthread_mutex_trylock(pthread_mutex_t *m)
{
    if (try_lock(&m->held)) {
        __atomic_store_n(&m->owner, __thread_self(), __ATOMIC_RELAXED);
        return 0;
    }
    if (m->kind != PTHREAD_MUTEX_RECURSIVE || !is_mine(m))
        return EBUSY;
    m->again++;
    return 0;
}

/* Waits until the mutex is this thread's, or until then. 0; ETIMEDOUT. */
static int wait_for_mutex(pthread_mutex_t *m, const struct timespec *until)
{
    int err = __lock_contended(&m->held, until);

    if (!err)
        __atomic_store_n(&m->owner, __thread_self(), __ATOMIC_RELAXED);
    return err;
}

int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *until)
{
    if (!pthread_mutex_trylock(m))
        return 0;
    if (m->kind == PTHREAD_MUTEX_ERRORCHECK && is_mine(m))
        return EDEADLK;
    return is_time(until) ? wait_for_mutex(m, until) : EINVAL;
}
int pthread_mutex_lock(pthread_mutex_t *m) { return pthread_mutex_timedlock(m, NULL); }

int pthread_mutex_unlock(pthread_mutex_t *m)
{
    if (m->kind != PTHREAD_MUTEX_NORMAL && !is_mine(m))
        return EPERM;
    if (m->again) {
        m->again--;
        return 0;
    }
    __atomic_store_n(&m->owner, NULL, __ATOMIC_RELAXED);
    unlock(&m->held);
    return 0;
}

/* --- conditions -------------------------------------------------------------------------------------- */
int pthread_condattr_init(pthread_condattr_t *attr) { return attr->clock = CLOCK_REALTIME, 0; }
int pthread_condattr_destroy(pthread_condattr_t *attr) { return (void)attr, 0; }
int pthread_condattr_setclock(pthread_condattr_t *attr, int clock)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
        return EINVAL;
    attr->clock = clock;
    return 0;
}

int pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *attr)
{
    *c = (pthread_cond_t){.clock = attr ? attr->clock : CLOCK_REALTIME};
    return 0;
}
/* Threads that were woken may not have seen it yet; afterwards the memory may have another use. */
int pthread_cond_destroy(pthread_cond_t *c)
{
    __await_visitors(&c->waiting);
    return 0;
}

/*
 * A signal after the mutex is released is never missed: the number of signals was read before. And whoever signals sees
 * that somebody waits: both sides store first, and look then.
 */
int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    unsigned seen = __atomic_load_n(&c->signals, __ATOMIC_ACQUIRE);

    if (!is_time(until))
        return EINVAL;
    visit(&c->waiting);
    int err = pthread_mutex_unlock(m);
    if (err) {
        leave(&c->waiting);
        return err;
    }
    while (!err && __atomic_load_n(&c->signals, __ATOMIC_SEQ_CST) == seen)
        err = __futex_wait_until(&c->signals, seen, until);
    leave(&c->waiting); /* from here on the condition may be gone */
    pthread_mutex_lock(m);
    return err;
}
int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m) { return pthread_cond_timedwait(c, m, NULL); }

/* Wakes so many of those who wait, the longest waiter first. The condition stays until this thread has left it, too. */
static int tell(pthread_cond_t *c, unsigned long threads)
{
    visit(&c->waiting);
    __atomic_add_fetch(&c->signals, 1, __ATOMIC_SEQ_CST);
    if (leave(&c->waiting))
        futex_wake(&c->signals, threads);
    return 0;
}
int pthread_cond_broadcast(pthread_cond_t *c) { return tell(c, FUTEX_ALL); }
int pthread_cond_signal(pthread_cond_t *c) { return tell(c, 1); }
