/* SPDX-License-Identifier: MIT */
/*
 * Sleeping locks and wait queues. May be used with no spin lock held; sleeping locks count as held locks themselves, so
 * a thread that holds one can't touch user memory by accident.
 */
#pragma once

#include <quire/list.h>
#include <quire/spinlock.h>

struct wait_queue {
    spinlock_t lock;
    struct list waiters;
};
#define WAIT_QUEUE_INIT(q) {SPINLOCK_INIT, LIST_INIT((q).waiters)}
void wait_queue_init(struct wait_queue *q);

/*
 * Sleep on q until `cond` holds. The thread first says that it waits, and then looks at the condition, under q->lock.
 * So a wake_all() after the change is never lost. A thread_interrupt(), which knows no queue, isn't lost either; so a
 * condition may ask current_killed(). The lock count must be zero but for sleeping locks. `cond` doesn't block.
 */
#define wait_until_locked(q, cond) /* returns with q->lock held: what spin_lock_irqsave() says */   \
    ({                                                                                             \
        bool wait_irq_ = spin_lock_irqsave(&(q)->lock);                                            \
        for (;;) {                                                                                 \
            wait_announce_locked(q);                                                               \
            if (cond)                                                                              \
                break;                                                                             \
            wait_announced_locked(q);                                                              \
        }                                                                                          \
        wait_withdraw_locked(q);                                                                   \
        wait_irq_;                                                                                 \
    })
#define wait_until(q, cond) spin_unlock_irqrestore(&(q)->lock, wait_until_locked(q, cond))
void wait_announce_locked(struct wait_queue *q);
void wait_announced_locked(struct wait_queue *q); /* drops q->lock, sleeps, takes it again; irqs off */
void wait_withdraw_locked(struct wait_queue *q);  /* instead of sleeping: running again */
void wait_sleep_locked(struct wait_queue *q);     /* announce and sleep; only for wake-ups under q->lock */
void wake_all(struct wait_queue *q);
void wake_all_locked(struct wait_queue *q);

struct rwsem {
    struct wait_queue queue;
    u32 word;            /* base/sync.c */
    u32 writers_waiting; /* under queue.lock */
};
void rwsem_init(struct rwsem *s);
void rwsem_read_contended(struct rwsem *s);
void rwsem_wake(struct rwsem *s);
void rwsem_write_lock(struct rwsem *s);
void rwsem_write_unlock(struct rwsem *s);

#define RWSEM_WRITER 0x80000000u
#define RWSEM_WAITERS 0x40000000u /* somebody waits, so everybody takes the slow path */

static inline void rwsem_read_lock(struct rwsem *s)
{
    lock_note(&s->word, true, false); /* not s: the address of the queue's lock */
    if (unlikely(__atomic_fetch_add(&s->word, 1, __ATOMIC_ACQUIRE) & (RWSEM_WRITER | RWSEM_WAITERS)))
        rwsem_read_contended(s);
    lock_note_got(&s->word);
}

/* False: a writer holds the lock or waits for it. Never sleeps. */
static inline bool rwsem_read_trylock(struct rwsem *s)
{
    u32 word = __atomic_load_n(&s->word, __ATOMIC_RELAXED);

    do {
        if (word & (RWSEM_WRITER | RWSEM_WAITERS))
            return false;
    } while (!__atomic_compare_exchange_n(&s->word, &word, word + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
    lock_note(&s->word, true, true);
    return true;
}

static inline void rwsem_read_unlock(struct rwsem *s)
{
    lock_note_drop(&s->word);
    u32 word = __atomic_sub_fetch(&s->word, 1, __ATOMIC_RELEASE);

    if (unlikely(word == RWSEM_WAITERS))
        rwsem_wake(s);
}

struct mutex {
    struct rwsem sem;
};
#define MUTEX_INIT(m) {{.queue = WAIT_QUEUE_INIT((m).sem.queue)}}
static inline void mutex_init(struct mutex *m) { rwsem_init(&m->sem); }
static inline void mutex_lock(struct mutex *m) { rwsem_write_lock(&m->sem); }
static inline void mutex_unlock(struct mutex *m) { rwsem_write_unlock(&m->sem); }
