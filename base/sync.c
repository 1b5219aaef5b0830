/* SPDX-License-Identifier: MIT */
/* Wait queues and sleeping locks: see <quire/sync.h>. */
#include <quire/sync.h>
#include <quire/log.h>
#include <quire/thread.h>

void wait_queue_init(struct wait_queue *q)
{
    q->lock = (spinlock_t)SPINLOCK_INIT;
    list_init(&q->waiters);
}

void wait_announce_locked(struct wait_queue *q)
{
    KASSERT(!this_cpu()->irq_depth, "an interrupt handler tries to sleep");
    list_push_back(&q->waiters, &current_thread()->wait_link);
    thread_announce_wait();
}

void wait_withdraw_locked(struct wait_queue *q)
{
    (void)q; /* held: its lock keeps wake-ups away */
    list_remove(&current_thread()->wait_link);
    thread_withdraw_wait();
}

void wait_announced_locked(struct wait_queue *q)
{
    spin_unlock(&q->lock);
    schedule();
    spin_lock(&q->lock);
    list_remove(&current_thread()->wait_link); /* thread_interrupt() leaves the thread in the queue */
}

void wait_sleep_locked(struct wait_queue *q)
{
    wait_announce_locked(q);
    wait_announced_locked(q);
}

void wake_all_locked(struct wait_queue *q)
{
    struct list *node;
    while ((node = list_pop_front(&q->waiters)) != NULL)
        thread_wake(list_entry(node, struct thread, wait_link));
}

void wake_all(struct wait_queue *q)
{
    bool irq = spin_lock_irqsave(&q->lock);
    wake_all_locked(q);
    spin_unlock_irqrestore(&q->lock, irq);
}

/*
 * --- sleeping read/write lock -------------------------------------------------------------------
 * One word holds the number of readers, a bit for a writer, and a bit for "somebody waits". The last bit sends
 * everybody to the slow path, so new readers don't get in while a writer waits. Once this bit is set, the word is only
 * changed under queue.lock.
 */
void rwsem_init(struct rwsem *s)
{
    wait_queue_init(&s->queue);
    s->word = 0;
    s->writers_waiting = 0;
}

/* Try to take the lock under the queue's lock; a reader lets waiting writers go first. */
static bool try_locked(struct rwsem *s, bool write)
{
    u32 word = READ_ONCE(s->word);

    while (write ? !(word & ~RWSEM_WAITERS) : !(word & RWSEM_WRITER) && !s->writers_waiting)
        if (__atomic_compare_exchange_n(&s->word, &word, write ? word | RWSEM_WRITER : word + 1, true, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
}

static void rwsem_lock_slow(struct rwsem *s, bool write)
{
    bool irq = spin_lock_irqsave(&s->queue.lock);

    for (;;) {
        __atomic_fetch_or(&s->word, RWSEM_WAITERS, __ATOMIC_SEQ_CST); /* before the try: an unlock after it sees us */
        if (try_locked(s, write))
            break;
        s->writers_waiting += write;
        wait_sleep_locked(&s->queue);
        s->writers_waiting -= write;
    }
    if (list_empty(&s->queue.waiters) && !s->writers_waiting)
        __atomic_fetch_and(&s->word, ~RWSEM_WAITERS, __ATOMIC_RELAXED);
    spin_unlock_irqrestore(&s->queue.lock, irq);
}

void rwsem_wake(struct rwsem *s)
{
    bool irq = spin_lock_irqsave(&s->queue.lock);

    wake_all_locked(&s->queue);
    if (!s->writers_waiting)
        __atomic_fetch_and(&s->word, ~RWSEM_WAITERS, __ATOMIC_RELAXED);
    spin_unlock_irqrestore(&s->queue.lock, irq);
}

/*
 * A reader has counted itself in the word, but a writer holds the lock or waits for it. The reader takes its count
 * back. If a writer saw this count and waits until it is gone, the reader wakes that writer. Then the reader waits in
 * the slow path.
 */
void rwsem_read_contended(struct rwsem *s)
{
    if (__atomic_sub_fetch(&s->word, 1, __ATOMIC_RELAXED) == RWSEM_WAITERS)
        rwsem_wake(s);
    rwsem_lock_slow(s, false);
}

void rwsem_write_lock(struct rwsem *s)
{
    u32 word = 0;

    lock_note(&s->word, true, false);
    if (unlikely(!__atomic_compare_exchange_n(&s->word, &word, RWSEM_WRITER, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
        rwsem_lock_slow(s, true);
    lock_note_got(&s->word);
}

void rwsem_write_unlock(struct rwsem *s)
{
    lock_note_drop(&s->word);
    u32 word = __atomic_and_fetch(&s->word, ~RWSEM_WRITER, __ATOMIC_RELEASE);

    if (unlikely(word & RWSEM_WAITERS))
        rwsem_wake(s);
}
