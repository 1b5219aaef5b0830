/* SPDX-License-Identifier: MIT */
/*
 * Spin locks and the held-lock counter.
 *
 * Every thread counts the locks it holds, sleeping and spinning; copy_in(), copy_out() and blocking assert that the
 * count is zero. Kernel code isn't preempted, so a plain spin_lock() needs nothing else; locks that interrupt handlers
 * take too are taken with the irq variants. A CPU that spins with interrupts off serves its mailbox (with interrupts
 * on, the interrupt does), so that no CPU waits for its acknowledgement for ever.
 *
 * Lock order, first to last: mm.areas, memobj, folio, page table, uv guest, uv frame, slab, buddy, and last of all run
 * queues and the console.
 */
#pragma once

#include <quire/types.h>
#include <quire/lock_check.h>
#include <quire/percpu.h>

typedef struct {
    u32 locked;
} spinlock_t;

#define SPINLOCK_INIT {0}

void spin_wait(spinlock_t *lock); /* the slow path: base/spin.c */

/* Notes a lock before it is waited for, or after it was tried with success; and that it is let go. */
static inline void lock_note(const void *lock, bool sleeping, bool tried)
{
#if QUIRE_CHECKS
    lock_check_take(lock, sleeping, tried);
#else
    (void)lock, (void)sleeping, (void)tried;
    this_cpu()->locks.nr++;
#endif
}
static inline void lock_note_got(const void *lock)
{
#if QUIRE_CHECKS
    lock_check_got(lock);
#else
    (void)lock;
#endif
}
static inline void lock_note_drop(const void *lock)
{
#if QUIRE_CHECKS
    lock_check_drop(lock);
#else
    (void)lock;
    this_cpu()->locks.nr--;
#endif
}
static inline unsigned locks_held(void) { return this_cpu()->locks.nr; } /* by the current thread */

static inline bool spin_trylock(spinlock_t *lock)
{
    if (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE))
        return false;
    lock_note(lock, false, true);
    return true;
}

static inline void spin_lock(spinlock_t *lock)
{
    lock_note(lock, false, false);
    if (unlikely(__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE)))
        spin_wait(lock);
    lock_note_got(lock);
}

static inline void spin_unlock(spinlock_t *lock)
{
    lock_note_drop(lock);
    __atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

/*
 * For a few instructions with interrupts off that call nothing and can't panic: only debug kernels note the lock,
 * because each instruction counts.
 */
static inline bool spin_trylock_short(spinlock_t *lock)
{
    if (unlikely(__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE)))
        return false;
    if (QUIRE_CHECKS)
        lock_note(lock, false, true);
    return true;
}
static inline void spin_unlock_short(spinlock_t *lock)
{
    if (QUIRE_CHECKS)
        lock_note_drop(lock);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    WRITE_ONCE(lock->locked, 0);
}

static inline bool spin_is_locked(const spinlock_t *lock) { return READ_ONCE(lock->locked); }

/* Interrupts off while held; returns the state to hand back. */
static inline bool irq_save(void)
{
    bool on = arch_irq_enabled();
    if (on)
        arch_irq_disable();
    return on;
}
static inline void irq_restore(bool on)
{
    if (on)
        arch_irq_enable();
}
static inline bool spin_lock_irqsave(spinlock_t *lock)
{
    bool on = irq_save();
    spin_lock(lock);
    return on;
}
static inline void spin_unlock_irqrestore(spinlock_t *lock, bool on)
{
    spin_unlock(lock);
    irq_restore(on);
}
