/* SPDX-License-Identifier: MIT */
/*
 * Locks that are held, and in debug kernels the rules for them: base/check/lock_check.c. The list belongs to the
 * running thread: the scheduler saves and restores it. An interrupt handler's locks are in the list of the thread that
 * it interrupted.
 */
#pragma once

#include <quire/types.h>

#ifndef QUIRE_CHECKS
#define QUIRE_CHECKS 0 /* release kernels, and programs of the build machine that play a kernel */
#endif

#define LOCKS_MAX 16 /* that a thread holds at once */

struct held_lock {
    const void *lock;
    vaddr_t pc;    /* where it was taken */
    u64 since_ns;  /* when the wait for it ended; 0: nobody measures */
    u8 class;      /* base/check/lock_check.c */
    bool sleeping;
    bool from_irq; /* by an interrupt handler */
    bool waiting;  /* it isn't held yet; whoever waits may serve messages, which take locks */
};

struct lock_list {
    u32 nr;
#if QUIRE_CHECKS
    struct held_lock held[LOCKS_MAX];
#endif
};

static inline void lock_list_copy(struct lock_list *to, const struct lock_list *from)
{
    to->nr = from->nr;
#if QUIRE_CHECKS
    for (unsigned i = 0; i < from->nr && i < LOCKS_MAX; i++)
        to->held[i] = from->held[i];
#endif
}

/* Checks the rules and notes the lock; panics if a rule is broken. `tried`: it wasn't waited for. */
void lock_check_take(const void *lock, bool sleeping, bool tried);
void lock_check_got(const void *lock); /* the wait for it has ended */
void lock_check_drop(const void *lock);

/* The locks that the running thread holds, in words, with the places where they were taken: for the text of a panic. */
#if QUIRE_CHECKS
const char *locks_text(void);
void locks_print(const struct lock_list *list); /* a line for each */
#else
static inline const char *locks_text(void) { return "a debug kernel says which"; }
static inline void locks_print(const struct lock_list *list) { (void)list; }
#endif
unsigned lock_orders_seen(void); /* how many orders of two classes; for tests */

/*
 * The longest time that a spinlock was held since lock_time_begin(true), and where it was taken. What interrupt
 * handlers did meanwhile is part of it. Debug kernels only: else 0.
 */
struct lock_time {
    u64 ns;
    vaddr_t pc;
    const void *lock;
};
#if QUIRE_CHECKS
void lock_time_begin(bool measure);
struct lock_time lock_time_longest(void);
/* The caller holds this lock, and it may be long: docs/design.md says why. */
void lock_time_is_long(const void *lock);
#else
static inline void lock_time_begin(bool measure) { (void)measure; }
static inline void lock_time_is_long(const void *lock) { (void)lock; }
static inline struct lock_time lock_time_longest(void) { return (struct lock_time){.ns = 0}; }
#endif

/*
 * The documented order (docs/design.md, "Locks and their order"): a lock is taken only under locks with lower numbers.
 * LOCK_ORDER() stands beside the lock: for a lock in objects of a slab cache. LOCK_ORDER_STATIC() is for a variable.
 * `nests`: one may be taken under another of the same kind.
 */
struct lock_order {
    const void *base; /* the slab cache, or the variable */
    u32 offset;       /* of the lock in each object */
    u16 number;
    bool in_cache, nests;
    const char *name;
};
#if QUIRE_CHECKS
#define LOCK_ORDER_ENTRY(id, ...)                                                                  \
    static const struct lock_order lock_order_##id                                                 \
        __attribute__((section(".lock_order"), used, aligned(8))) = {__VA_ARGS__}
#define LOCK_ORDER_IN(number, nests, cache, type, member)                                          \
    LOCK_ORDER_ENTRY(cache##_##number, &cache, offsetof(struct type, member), number, true, nests, #type "->" #member)
#define LOCK_ORDER(number, cache, type, member) LOCK_ORDER_IN(number, false, cache, type, member)
#define LOCK_ORDER_NESTS(number, cache, type, member) LOCK_ORDER_IN(number, true, cache, type, member)
#define LOCK_ORDER_STATIC(number, lock) LOCK_ORDER_ENTRY(number, &lock, 0, number, false, false, #lock)
#else
#define LOCK_ORDER(number, cache, type, member) struct lock_order
#define LOCK_ORDER_NESTS(number, cache, type, member) struct lock_order
#define LOCK_ORDER_STATIC(number, lock) struct lock_order
#endif
