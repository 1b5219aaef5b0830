/* SPDX-License-Identifier: MIT */
/*
 * Waiting for locks (<quire/spinlock.h>, <quire/sync.h>): another CPU goes on. Compiled with -fsanitize=thread, so that
 * a lock orders the accesses that are made under it.
 */
#include "explore.h"
#include <quire/spinlock.h>
#include <quire/sync.h>

void cpu_relax(void) { cpus_relax(); }

void spin_wait(spinlock_t *lock)
{
    while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE))
        cpus_wait("a spin lock isn't free");
}

void rwsem_init(struct rwsem *s) { *s = (struct rwsem){.word = 0}; }

void rwsem_read_contended(struct rwsem *s)
{
    __atomic_fetch_sub(&s->word, 1, __ATOMIC_RELAXED);
    for (;;) {
        u32 word = READ_ONCE(s->word);
        if (!(word & RWSEM_WRITER) &&
            __atomic_compare_exchange_n(&s->word, &word, word + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return;
        cpus_wait("a sleeping lock isn't free for reading");
    }
}

void rwsem_wake(struct rwsem *s) { (void)s; }

void rwsem_write_lock(struct rwsem *s)
{
    u32 word = 0;

    while (!__atomic_compare_exchange_n(&s->word, &word, RWSEM_WRITER, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        word = 0;
        cpus_wait("a sleeping lock isn't free for writing");
    }
    lock_note(s, true, false);
}

void rwsem_write_unlock(struct rwsem *s)
{
    __atomic_fetch_sub(&s->word, RWSEM_WRITER, __ATOMIC_RELEASE);
    lock_note_drop(s);
}
