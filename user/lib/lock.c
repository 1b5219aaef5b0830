/* SPDX-License-Identifier: MIT */
/*
 * The slow ways of locks: lock.h has their states.
 *
 * While the word is LOCK_IMPATIENT, a thread is in __lock_contended() that takes a lock that is given: it sleeps, and
 * is woken, or it is about to sleep, and sees the word. A thread that gives up takes its mark out of the word before.
 */
#include <errno.h>
#include "lock.h"

/* After this time a newcomer takes a lock that was given to a thread that has died, or to one of the parent's. */
#define HEAL_US 10000

/* Whether the lock, in this state, is taken now. */
static int take(int *word, int state, int has_waited)
{
    return (state == LOCK_FREE || (state == LOCK_GIVEN && has_waited)) &&
           lock_change(word, state, LOCK_AWAITED, __ATOMIC_ACQUIRE);
}

/* The caller's time is over. 0: the lock has been given to it. */
static int give_up(int *word)
{
    while (!lock_change(word, LOCK_IMPATIENT, LOCK_AWAITED, __ATOMIC_RELAXED)) {
        int state = __atomic_load_n(word, __ATOMIC_RELAXED);
        if (take(word, state, 1))
            return 0;
        if (state != LOCK_IMPATIENT && state != LOCK_GIVEN && state != LOCK_FREE)
            break;
    }
    return ETIMEDOUT;
}

int __lock_contended(int *word, const struct timespec *until)
{
    int mark = LOCK_AWAITED;

    for (;;) {
        int state = __atomic_load_n(word, __ATOMIC_RELAXED), has_waited = mark == LOCK_IMPATIENT;
        if (take(word, state, has_waited))
            return 0;
        if (state == LOCK_FREE || (state == LOCK_GIVEN && has_waited))
            continue; /* another thread was faster */
        if (state < mark && !lock_change(word, state, mark, __ATOMIC_RELAXED))
            continue;
        if (state == LOCK_GIVEN)
            quire_call(futex_wait, word, LOCK_GIVEN, QUIRE_INFO_LIMIT_US(HEAL_US));
        else if (__futex_wait_until(word, (unsigned)(state < mark ? mark : state), until))
            return give_up(word);
        mark = LOCK_IMPATIENT;
    }
}

void __unlock_contended(int *word)
{
    int state;

    do
        state = __atomic_load_n(word, __ATOMIC_RELAXED);
    while (!lock_change(word, state, state == LOCK_IMPATIENT ? LOCK_GIVEN : LOCK_FREE, __ATOMIC_RELEASE));
    if (quire_call(futex_wake, word, 1) > 0)
        quire_call(yield); /* or it comes too late where the two share a CPU */
}
