/* SPDX-License-Identifier: MIT */
/* Read-write locks, barriers and spin locks. */
#include <errno.h>
#include <pthread.h>
#include "lock.h"
#include "thread_block.h"

/* --- read-write locks ---------------------------------------------------------------------------------- */
/*
 * l->users: the number of readers, or RWLOCK_WRITER; and RWLOCK_AWAITED if a thread waits until that changes. Whoever
 * leaves the lock free takes the second bit out, too, and wakes all: they try again.
 */
#define RWLOCK_WRITER  0x40000000
#define RWLOCK_AWAITED 0x20000000

int pthread_rwlock_init(pthread_rwlock_t *l, const pthread_rwlockattr_t *attr)
{
    (void)attr;
    *l = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
    return 0;
}

static int users_of(const pthread_rwlock_t *l) { return __atomic_load_n(&l->users, __ATOMIC_RELAXED); }

int pthread_rwlock_destroy(pthread_rwlock_t *l) { return users_of(l) & ~RWLOCK_AWAITED ? EBUSY : 0; }

/* Replaces the users if they are still these. */
static int change_users(pthread_rwlock_t *l, int from, int to)
{
    return __atomic_compare_exchange_n(&l->users, &from, to, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
    int users;

    do {
        users = users_of(l);
        if (users & RWLOCK_WRITER || __atomic_load_n(&l->writers, __ATOMIC_RELAXED))
            return EBUSY;
    } while (!change_users(l, users, users + 1));
    return 0;
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
    int users;

    do {
        users = users_of(l);
        if (users & ~RWLOCK_AWAITED)
            return EBUSY;
    } while (!change_users(l, users, users | RWLOCK_WRITER));
    return 0;
}

/*
 * Waits until the users aren't these any more. Without RWLOCK_AWAITED among them it only puts the bit in: then the
 * caller tries once more.
 */
static void wait_for_change(pthread_rwlock_t *l, int users)
{
    if (users & RWLOCK_AWAITED)
        futex_wait(&l->users, (unsigned)users);
    else
        change_users(l, users, users | RWLOCK_AWAITED);
}

/* It may wait while the lock is free: then a writer is about to take it, and wakes it in the end. */
int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
    for (;;) {
        int users = users_of(l);
        if (!pthread_rwlock_tryrdlock(l))
            return 0;
        wait_for_change(l, users);
    }
}

int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
    __atomic_add_fetch(&l->writers, 1, __ATOMIC_RELAXED);
    for (;;) {
        int users = users_of(l);
        if (!pthread_rwlock_trywrlock(l))
            break;
        if (users & ~RWLOCK_AWAITED) /* else it is free: readers may wait for this writer */
            wait_for_change(l, users);
    }
    __atomic_sub_fetch(&l->writers, 1, __ATOMIC_RELAXED);
    return 0;
}

int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
    int users, left;

    do {
        users = users_of(l);
        left = users & RWLOCK_WRITER ? 0 : users - 1;
        left = left & ~RWLOCK_AWAITED ? left : 0;
    } while (!change_users(l, users, left));
    if (users & RWLOCK_AWAITED && !left)
        futex_wake(&l->users, FUTEX_ALL); /* the lock may be gone by now */
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
    lock(&b->lock);
    unsigned arrived = b->arrived;
    unlock(&b->lock);
    if (arrived)
        return EBUSY;
    __await_visitors(&b->inside);
    return 0;
}

/* The last thread doesn't touch the barrier after its unlock, and the others don't after they are no longer inside. */
int pthread_barrier_wait(pthread_barrier_t *b)
{
    lock(&b->lock);
    unsigned round = b->round;
    if (++b->arrived == b->needed) {
        b->arrived = 0;
        __atomic_store_n(&b->round, round + 1, __ATOMIC_RELEASE);
        unlock(&b->lock);
        futex_wake(&b->round, FUTEX_ALL);
        return PTHREAD_BARRIER_SERIAL_THREAD;
    }
    visit(&b->inside);
    unlock(&b->lock);
    while (__atomic_load_n(&b->round, __ATOMIC_ACQUIRE) == round)
        futex_wait(&b->round, round);
    leave(&b->inside);
    return 0;
}

/* --- spin locks ---------------------------------------------------------------------------------------- */
int pthread_spin_init(pthread_spinlock_t *l, int shared) { return (void)shared, *l = 0; }
int pthread_spin_destroy(pthread_spinlock_t *l) { return (void)l, 0; }
int pthread_spin_lock(pthread_spinlock_t *l) { return lock(l), 0; }
int pthread_spin_trylock(pthread_spinlock_t *l) { return try_lock(l) ? 0 : EBUSY; }
int pthread_spin_unlock(pthread_spinlock_t *l) { return unlock(l), 0; }
