/* SPDX-License-Identifier: MIT */
/*
 * Locks where one thread plays all CPUs (<quire/spinlock.h>, <quire/sync.h>): no CPU can wait for another, so a lock
 * that isn't free is a deadlock.
 */
#include "machine.h"
#include <quire/log.h>
#include <quire/sync.h>

void (*world_waits)(void);

/* A few rounds of a waiting loop are allowed; more mean an endless loop, because nothing can change. */
void cpu_relax(void)
{
    static unsigned long looks;

    if (world_waits)
        world_waits();
    if (++looks % (1ul << 24) == 0)
        panic("waiting for a lock that nobody will let go");
}
void spin_wait(spinlock_t *lock) { panic("spin lock %p is taken twice: on a real machine this CPU hangs", (void *)lock); }

void rwsem_init(struct rwsem *s) { *s = (struct rwsem){.word = 0}; }
void rwsem_read_contended(struct rwsem *s) { panic("sleeping lock %p is taken for reading while its writer holds it", (void *)s); }
void rwsem_wake(struct rwsem *s) { (void)s; }
void rwsem_write_lock(struct rwsem *s)
{
    if (s->word)
        panic("sleeping lock %p is taken twice: this thread sleeps for ever", (void *)s);
    s->word = RWSEM_WRITER;
    lock_note(s, true, false);
}
void rwsem_write_unlock(struct rwsem *s)
{
    if (s->word != RWSEM_WRITER)
        panic("sleeping lock %p is let go by somebody who doesn't hold it", (void *)s);
    s->word = 0;
    lock_note_drop(s);
}
