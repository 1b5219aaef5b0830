/* SPDX-License-Identifier: MIT */
/* Waiting for another CPU: see <quire/spinlock.h>. */
#include <quire/spinlock.h>
#include <quire/turns.h>
#include <quire/watch.h>
#include <quire/messages.h>
#include <quire/upcalls.h>
#include <arch-generic/machine.h>

void spin_wait(spinlock_t *lock)
{
    struct long_wait w = {0};
    u64 since = 0;

    do {
        while (READ_ONCE(lock->locked)) {
            long_wait_step(&w);
            watch_lock(&since);
            if (!arch_irq_enabled())
                shootdown_serve(); /* the lock's holder may be waiting for this CPU's acknowledgement */
        }
    } while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE));
    long_wait_end(&w);
}
