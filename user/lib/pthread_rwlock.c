/* SPDX-License-Identifier: MIT */
/* Read-write locks, barriers and spin locks. */
#include <errno.h>
#include <pthread.h>
#include "lock.h"
#include "thread_block.h"

/* --- read-write locks ---------------------------------------------------------------------------------- */
int pthread_rwlock_init(pthread_rwlock_t *l, const pthread_rwlockattr_t *attr)
{
    (void)attr;
    *l = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
    return 0;
}
int pthread_rwlock_destroy(pthread_rwlock_t *l) { return __atomic_load_n(&l->users, __ATOMIC_RELAXED) ? EBUSY : 0; }

/* Replaces the number of users if it is still this one. */
static int change_users(pthread_rwlock_t *l, int from, int to)
{
    return __atomic_compare_exchange_n(&l->users, &from, to, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
    int users;

    do {
        users = __atomic_load_n(&l->users, __ATOMIC_RELAXED);
        if (users < 0 || __atomic_load_n(&l->writers, __ATOMIC_RELAXED))
            return EBUSY;
    } while (!change_users(l, users, users + 1));
    return 0;
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *l) { return change_users(l, 0, -1) ? 0 : EBUSY; }

int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
    unsigned round = 0;

    while (pthread_rwlock_tryrdlock(l))
        __thread_pause(&round);
    return 0;
}

int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
    unsigned round = 0;

    __atomic_add_fetch(&l->writers, 1, __ATOMIC_RELAXED);
    while (pthread_rwlock_trywrlock(l))
        __thread_pause(&round);
    __atomic_sub_fetch(&l->writers, 1, __ATOMIC_RELAXED);
    return 0;
}

int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
    if (__atomic_load_n(&l->users, __ATOMIC_RELAXED) < 0)
        __atomic_store_n(&l->users, 0, __ATOMIC_RELEASE);
    else
        __atomic_sub_fetch(&l->users, 1, __ATOMIC_RELEASE);
    return 0;
}

/* --- barriers ------------------------------------------------------------------------------------------ */
int pthread_barrier_init(pthread_barrier_t *b, const pthread_barrierattr_t *attr, unsigned needed)
{
    (void)attr;
    *b = (pthread_barrier_t){.needed = needed};
    return needed ? 0 : EINVAL;
}

/* All threads of a round may still be inside. */
int pthread_barrier_destroy(pthread_barrier_t *b)
{
    unsigned pause = 0;

    lock(&b->lock);
    unsigned arrived = b->arrived;
    unlock(&b->lock);
    if (arrived)
        return EBUSY;
    while (__atomic_load_n(&b->inside, __ATOMIC_ACQUIRE))
        __thread_pause(&pause);
    return 0;
}

/* The last thread doesn't touch the barrier after its unlock, and the others don't after they are no longer inside. */
int pthread_barrier_wait(pthread_barrier_t *b)
{
    unsigned pause = 0;

    lock(&b->lock);
    unsigned round = b->round;
    if (++b->arrived == b->needed) {
        b->arrived = 0;
        __atomic_store_n(&b->round, round + 1, __ATOMIC_RELEASE);
        unlock(&b->lock);
        return PTHREAD_BARRIER_SERIAL_THREAD;
    }
    __atomic_add_fetch(&b->inside, 1, __ATOMIC_RELAXED);
    unlock(&b->lock);
    while (__atomic_load_n(&b->round, __ATOMIC_ACQUIRE) == round)
        __thread_pause(&pause);
    __atomic_sub_fetch(&b->inside, 1, __ATOMIC_RELEASE);
    return 0;
}

/* --- spin locks ---------------------------------------------------------------------------------------- */
int pthread_spin_init(pthread_spinlock_t *l, int shared) { return (void)shared, *l = 0; }
int pthread_spin_destroy(pthread_spinlock_t *l) { return (void)l, 0; }
int pthread_spin_lock(pthread_spinlock_t *l) { return lock(l), 0; }
int pthread_spin_trylock(pthread_spinlock_t *l) { return __atomic_exchange_n(l, 1, __ATOMIC_ACQUIRE) ? EBUSY : 0; }
int pthread_spin_unlock(pthread_spinlock_t *l) { return unlock(l), 0; }
