/* SPDX-License-Identifier: MIT */
/*
 * Threads wait for words of user memory. The kernel knows the value of a word only at the moment when it looks; locks,
 * conditions and barriers are the library's business.
 *
 * A word's name is the memory that it lies in: (memory object, offset) for shared memory, so that all processes that
 * map it mean the same word; else (address space, address). Waiters stand in one of a fixed number of lists, chosen by
 * the name, each with a lock. What is mapped at the address is looked up once, when the call begins: who unmaps a word
 * takes nobody out of its list.
 *
 * No wake-up is lost, and no lock is held while the word is read, which may fault and sleep:
 *
 *   who waits                                          who wakes
 *   1. puts itself into the list                       1. has changed the word
 *   2. full barrier                                    2. full barrier
 *   3. reads the word: another value? leaves           3. looks into the list: takes waiters out, sets `woken`, wakes
 *   4. announces its wait, looks at `woken`, sleeps
 *
 * One of the two sees what the other stored first. A waiter that finds another value in step 3, but that somebody has
 * taken out of the list already, has been woken: its result is 0, so that the wake-up counts. A wake-up in step 3 may
 * find the thread asleep in the page fault; then that wait looks at its own condition again, and goes on.
 *
 * A waiter lies on its thread's kernel stack. Who wakes it does this under the list's lock, and the waiter takes this
 * lock before it goes on; so its thread is there for as long as somebody touches it.
 *
 * A program chooses how long a list is. So whoever wakes lets the lock go after LOOKS waiters, with a mark in the list
 * of where it stopped. It ends at those that came after it had begun, by their numbers.
 *
 * Lock order: a list's lock, then those of the scheduler.
 */
#include "ipc.h"
#include <quire/futex.h>
#include <quire/mm.h>
#include <quire/log.h>
#include <quire/process.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/uaccess.h>
#include <quire/upcalls.h>

#define NR_LISTS 256
#define LOOKS    64

struct waiter {
    struct list link;      /* under the list's lock */
    struct thread *thread; /* NULL: the mark of somebody who wakes */
    struct mm_place place;
    u64 number;            /* grows from waiter to waiter */
    bool woken;            /* it isn't in the list any more; under the list's lock */
};

/* In a cache of their own: so their locks are one kind for the lock checker. */
struct waiters {
    spinlock_t lock;
    u64 next_number;
    struct list all;
};
static SLAB_CACHE(waiters_cache, waiters, all, false);
static struct waiters *lists[NR_LISTS];

static struct waiters *list_of(const struct mm_place *place)
{
    u64 hash = ((u64)place->of >> 6) * 0x9e3779b97f4a7c15UL ^ (place->at >> 2) * 0xbf58476d1ce4e5b9UL;

    return lists[hash >> 32 & (NR_LISTS - 1)];
}

void futex_init(void)
{
    for (unsigned i = 0; i < NR_LISTS; i++) {
        lists[i] = slab_alloc(&waiters_cache);
        if (!lists[i])
            panic("no memory for the lists of threads that wait for words");
        list_init(&lists[i]->all);
    }
}

/* The place of a word; it keeps the memory object. */
static int look_up(vaddr_t address, struct mm_place *place)
{
    return IS_ALIGNED(address, sizeof(u32)) ? mm_place(current_process()->mm, address, place) : -EINVAL;
}

/* --- waiting --------------------------------------------------------------------------------------- */
/* Reads the word by one load: the eight bytes around it are in the same page. */
static int read_word(vaddr_t address, u32 *word)
{
    u64 both;
    int err = copy_in(&both, (struct user_ptr){ALIGN_DOWN(address, sizeof(both))}, sizeof(both));

    memcpy(word, (u8 *)&both + address % sizeof(both), sizeof(*word));
    return err;
}

static void join(struct waiters *l, struct waiter *w)
{
    bool irq = spin_lock_irqsave(&l->lock);

    w->number = l->next_number++;
    list_push_back(&l->all, &w->link);
    spin_unlock_irqrestore(&l->lock, irq);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* The waiter is in no list after this, and nobody touches it. False: somebody has woken it. */
static bool leave(struct waiters *l, struct waiter *w)
{
    bool irq = spin_lock_irqsave(&l->lock), left = !w->woken;

    if (left)
        list_remove(&w->link);
    spin_unlock_irqrestore(&l->lock, irq);
    return left;
}

/* 0 when somebody has woken w; else w has left. */
static s64 sleep_in_list(struct waiters *l, struct waiter *w, u64 until)
{
    for (bool in_time = true; in_time;) {
        thread_announce_wait();
        bool irq = spin_lock_irqsave(&l->lock), woken = w->woken;
        spin_unlock_irqrestore(&l->lock, irq);
        if (woken) {
            thread_withdraw_wait();
            return 0;
        }
        in_time = ipc_sleep(until);
    }
    return leave(l, w) ? ipc_why_over() : 0;
}

s64 futex_wait(vaddr_t address, u32 expected, u64 until)
{
    struct waiter w = {.thread = current_thread(), .link = LIST_INIT(w.link)};
    u32 word;
    s64 result = look_up(address, &w.place);

    if (result)
        return result;
    struct waiters *l = list_of(&w.place);
    join(l, &w);
    result = read_word(address, &word);
    if (!result && word != expected)
        result = -EAGAIN;
    if (!result)
        result = sleep_in_list(l, &w, until);
    else if (!leave(l, &w))
        result = 0;
    mm_place_end(&w.place);
    return result;
}

/* --- waking ---------------------------------------------------------------------------------------- */
static bool is_for(const struct waiter *w, const struct mm_place *place)
{
    return w->thread && w->place.of == place->of && w->place.at == place->at;
}

/*
 * Looks at LOOKS waiters from `mark` on, which moves behind them, and wakes those that wait for the place, at most
 * `most`. False: those that came before `end` have been looked at. Under the list's lock.
 */
static bool wake_some(struct waiters *l, struct waiter *mark, u64 end, u64 most, u64 *woken)
{
    for (unsigned n = 0; n < LOOKS; n++) {
        struct waiter *w = list_entry(mark->link.next, struct waiter, link);
        if (&w->link == &l->all || *woken == most || (w->thread && w->number >= end))
            return false;
        if (is_for(w, &mark->place)) {
            list_remove(&w->link);
            w->woken = true;
            thread_wake(w->thread);
            ++*woken;
        } else {
            list_remove(&mark->link);
            list_insert_after(&w->link, &mark->link);
        }
    }
    return true;
}

static u64 wake_all_of(struct waiters *l, struct waiter *mark, u64 most)
{
    u64 woken = 0;
    bool irq = spin_lock_irqsave(&l->lock);
    u64 end = l->next_number;

    list_push_front(&l->all, &mark->link);
    while (wake_some(l, mark, end, most, &woken)) {
        spin_unlock_irqrestore(&l->lock, irq);
        bool killed = preempt_point();
        irq = spin_lock_irqsave(&l->lock);
        if (killed)
            break;
    }
    list_remove(&mark->link);
    spin_unlock_irqrestore(&l->lock, irq);
    return woken;
}

s64 futex_wake(vaddr_t address, u64 count)
{
    struct waiter mark = {.link = LIST_INIT(mark.link)};
    int err = look_up(address, &mark.place);

    if (err)
        return err;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the word was changed before */
    s64 woken = (s64)wake_all_of(list_of(&mark.place), &mark, count);
    mm_place_end(&mark.place);
    return woken;
}
