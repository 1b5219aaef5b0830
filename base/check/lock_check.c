/* SPDX-License-Identifier: MIT */
/*
 * The rules for locks, checked while debug kernels run: lockdep in small (after Linux's, by I. Molnar). Each lock is of
 * a *class*: all locks at the same offset in objects of one slab cache, or one static lock. Locks elsewhere have no
 * class, and only the first two rules.
 *
 *   1. A thread doesn't take a lock that it holds.
 *   2. A lock is let go by whoever holds it.
 *   3. Locks of documented classes are taken in the documented order (LOCK_ORDER).
 *   4. No two classes are taken in both orders, directly or over others: that deadlocks as soon as two CPUs do it at
 *      the same time. Seen once in each order is enough; the CPUs need not meet.
 *   5. A class that interrupt handlers take is never taken with interrupts on: the handler would wait for the code that
 *      it interrupted.
 *
 * A handler's locks come under those of the code that it interrupted by chance. So rules 3 and 4 look at locks of one
 * level only. A lock that is tried, not waited for, can't deadlock: rules 3 and 4 don't ask about it, and rule 5
 * doesn't if a handler tries. A lock that is still waited for isn't held: a CPU that waits with interrupts off serves
 * messages, and these may take it.
 *
 * Classes and what was seen of them are never forgotten. Tables are changed by compare-and-swap, or under `learning`.
 * Interrupts are off meanwhile: a handler's locks are checked, too, and would wait for the check that it interrupted.
 */
#include <quire/lock_check.h>

#if QUIRE_CHECKS
#include <quire/ksyms.h>
#include <quire/log.h>
#include <quire/percpu.h>
#include <quire/printf.h>
#include <quire/spinlock.h>
#include <quire/upcalls.h>
#include <arch-generic/machine.h>

#define NR_CLASSES 256 /* class 0: none */
#define NR_ORDERS  1024
#define NAME       80

extern const struct lock_order lock_order_start[], lock_order_end[];
extern char image_start[] __asm__("__image_start"), image_end[] __asm__("__image_end");

static struct {
    const void *base; /* slab cache or static lock; NULL: free */
    u32 offset;
    bool ready;
    const struct lock_order *documented;
    vaddr_t in_handler;    /* where an interrupt handler took one; 0: none did */
    vaddr_t interruptible; /* where one was taken with interrupts on */
} classes[NR_CLASSES];

/* Classes that were taken under others: after[a] has bit b if b was taken under a. */
static u64 after[NR_CLASSES][NR_CLASSES / 64];
static struct seen_order {
    u8 outer, inner;
    vaddr_t outer_pc, inner_pc;
} orders[NR_ORDERS];
static unsigned nr_orders;
static u32 learning;

/* --- classes ----------------------------------------------------------------------------------- */
static const struct lock_order *find_documented(const void *base, u32 offset, bool in_cache)
{
    for (const struct lock_order *o = lock_order_start; o < lock_order_end; o++)
        if (o->in_cache == in_cache && o->base == base && o->offset == offset)
            return o;
    return NULL;
}

static u8 class_of(const void *lock)
{
    bool is_static = (const char *)lock >= image_start && (const char *)lock < image_end;
    struct slab_place place = {.cache = lock};

    if (!is_static && !slab_place(lock, &place))
        return 0;
    u64 key = (u64)place.cache + place.offset * 64UL;
    for (unsigned i = 1, at = (unsigned)(key * 0x9e3779b97f4a7c15UL >> 56); i < NR_CLASSES; i++, at++) {
        at &= NR_CLASSES - 1;
        if (at == 0)
            continue;
        const void *base = __atomic_load_n(&classes[at].base, __ATOMIC_ACQUIRE);
        if (!base && __atomic_compare_exchange_n(&classes[at].base, &base, place.cache, false, __ATOMIC_ACQ_REL,
                                                 __ATOMIC_ACQUIRE)) {
            classes[at].offset = place.offset;
            classes[at].documented = find_documented(place.cache, place.offset, !is_static);
            __atomic_store_n(&classes[at].ready, true, __ATOMIC_RELEASE);
            return (u8)at;
        }
        if (base != place.cache)
            continue;
        while (!__atomic_load_n(&classes[at].ready, __ATOMIC_ACQUIRE))
            cpu_relax();
        if (classes[at].offset == place.offset)
            return (u8)at;
    }
    panic("more than %u kinds of locks. likely: an array of locks, each of which counts as a kind: put them "
          "into objects of one slab cache",
          NR_CLASSES - 1);
}

/* "folio->lock at 0x...", "asid_lock", ... */
static const char *name_of(const void *lock, u8 class, char *text)
{
    struct slab_place place;
    const struct lock_order *o = class ? classes[class].documented : NULL;

    if (slab_place(lock, &place))
        snprintf(text, NAME, o ? "%s of the object at %p" : "the lock in a %s at %p, at offset %u",
                 o ? o->name : place.name, place.object, place.offset);
    else if (o)
        snprintf(text, NAME, "%s", o->name);
    else
        snprintf(text, NAME, "the lock at %p", lock);
    return text;
}

/* --- order ------------------------------------------------------------------------------------- */
static bool was_seen(u8 outer, u8 inner) { return READ_ONCE(after[outer][inner / 64]) >> inner % 64 & 1; }

/* Whether `to` was ever taken under `from`, directly or over others. `learning` is held. */
static bool leads_to(u8 from, u8 to)
{
    u64 reached[NR_CLASSES / 64] = {0};
    u8 todo[NR_CLASSES];
    unsigned nr = 0;

    todo[nr++] = from;
    while (nr) {
        u8 at = todo[--nr];
        if (was_seen(at, to))
            return true;
        for (unsigned i = 1; i < NR_CLASSES; i++) {
            if (!was_seen(at, (u8)i) || reached[i / 64] >> i % 64 & 1)
                continue;
            reached[i / 64] |= 1UL << i % 64;
            todo[nr++] = (u8)i;
        }
    }
    return false;
}

static void begin_learning(void)
{
    while (__atomic_exchange_n(&learning, 1, __ATOMIC_ACQUIRE))
        cpu_relax();
}
static void end_learning(void) { __atomic_store_n(&learning, 0, __ATOMIC_RELEASE); }

/* A place where `from` leads on towards `to`. */
static const struct seen_order *find_order(u8 from, u8 to)
{
    for (unsigned i = 0; i < nr_orders; i++)
        if (orders[i].outer == from && (orders[i].inner == to || leads_to(orders[i].inner, to)))
            return &orders[i];
    return NULL;
}

static void __noreturn wrong_order(const struct held_lock *outer, const void *lock, u8 class, vaddr_t pc)
{
    char a[NAME], b[NAME], where[3][SYMBOL_TEXT];
    const struct seen_order *seen = find_order(class, outer->class);

    end_learning();
    panic("locks in two orders: %s (taken in %s), then %s (in %s). Elsewhere the second one was taken first%s%s. "
          "likely: two CPUs that do this at the same time wait for each other for ever; take the locks in one order "
          "everywhere",
          name_of(outer->lock, outer->class, a), symbol_text(outer->pc, where[0]), name_of(lock, class, b),
          symbol_text(pc, where[1]), seen ? ", in " : "", seen ? symbol_text(seen->outer_pc, where[2]) : "");
}

static void learn_order(const struct held_lock *outer, const void *lock, u8 class, vaddr_t pc)
{
    begin_learning();
    if (leads_to(class, outer->class))
        wrong_order(outer, lock, class, pc);
    __atomic_fetch_or(&after[outer->class][class / 64], 1UL << class % 64, __ATOMIC_RELAXED);
    if (nr_orders < NR_ORDERS)
        orders[nr_orders++] = (struct seen_order){outer->class, class, outer->pc, pc};
    end_learning();
}

static void check_order(const struct held_lock *outer, const void *lock, u8 class, vaddr_t pc)
{
    const struct lock_order *o = classes[outer->class].documented, *i = classes[class].documented;
    char a[NAME], b[NAME], where[SYMBOL_TEXT];

    if (outer->class == class) {
        if (!i || !i->nests)
            panic("a second lock of the same kind: %s is taken while %s is held, taken in %s. likely: two threads that "
                  "take two such locks in different orders wait for each other for ever",
                  name_of(lock, class, b), name_of(outer->lock, class, a), symbol_text(outer->pc, where));
        return;
    }
    if (o && i && o->number > i->number)
        panic("locks against the documented order: %s (number %u) is taken while %s (number %u) is held, taken in %s. "
              "docs/design.md, \"Locks and their order\", has the numbers",
              name_of(lock, class, b), i->number, name_of(outer->lock, outer->class, a), o->number,
              symbol_text(outer->pc, where));
    if (!was_seen(outer->class, class))
        learn_order(outer, lock, class, pc);
}

/* --- interrupts -------------------------------------------------------------------------------- */
/* irq: interrupts were on when the lock was asked for. */
static void check_interrupts(const void *lock, u8 class, vaddr_t pc, bool in_handler, bool irq)
{
    char a[NAME], where[SYMBOL_TEXT];

    if (in_handler)
        WRITE_ONCE(classes[class].in_handler, pc);
    else if (irq)
        WRITE_ONCE(classes[class].interruptible, pc);
    else
        return;
    vaddr_t other = in_handler ? READ_ONCE(classes[class].interruptible) : READ_ONCE(classes[class].in_handler);
    if (other)
        panic("%s is taken %s, and elsewhere %s, in %s. likely: an interrupt between taking it and letting it go would "
              "wait for ever for the code that it interrupted; use spin_lock_irqsave()",
              name_of(lock, class, a), in_handler ? "by an interrupt handler" : "with interrupts on",
              in_handler ? "with interrupts on" : "by an interrupt handler", symbol_text(other, where));
}

/* --- for how long ------------------------------------------------------------------------------ */
static bool measure_times; /* it costs: each lock reads the clock twice */
static struct lock_time longest; /* two CPUs that find a longer one at once: one of them is forgotten */

void lock_time_begin(bool measure)
{
    measure_times = measure;
    longest = (struct lock_time){.ns = 0};
}
struct lock_time lock_time_longest(void) { return longest; }
static u64 now(void) { return unlikely(measure_times) ? arch_clock_ns() : 0; }

/* --- taking and letting go --------------------------------------------------------------------- */
static void take(const void *lock, bool sleeping, bool tried, vaddr_t pc, bool irq)
{
    struct percpu *cpu = this_cpu();
    struct lock_list *list = &cpu->locks;
    char a[NAME], where[SYMBOL_TEXT];

    for (unsigned i = 0; i < list->nr && i < LOCKS_MAX; i++)
        if (list->held[i].lock == lock && !list->held[i].waiting)
            panic("%s is taken twice by the same thread: it was taken in %s and is still held. likely: a function that "
                  "takes the lock is called by one that holds it, or an earlier return didn't let it go",
                  name_of(lock, class_of(lock), a), symbol_text(list->held[i].pc, where));
    KASSERT(list->nr < LOCKS_MAX, "a thread holds more than %u locks", LOCKS_MAX);
    bool in_handler = cpu->irq_depth > 0;
    u8 class = class_of(lock);
    if (class && !sleeping && !(in_handler && tried)) /* a handler that only tries waits for nobody */
        check_interrupts(lock, class, pc, in_handler, irq);
    for (unsigned i = 0; class && !tried && i < list->nr; i++)
        if (list->held[i].class && !list->held[i].waiting && list->held[i].from_irq == in_handler)
            check_order(&list->held[i], lock, class, pc);
    list->held[list->nr++] = (struct held_lock){lock, pc, now(), class, sleeping, in_handler, !tried};
}

void lock_check_take(const void *lock, bool sleeping, bool tried)
{
    vaddr_t pc = (vaddr_t)__builtin_return_address(0);

    if (this_cpu()->in_panic)
        return;
    bool irq = irq_save();
    take(lock, sleeping, tried, pc, irq);
    irq_restore(irq);
}

void lock_check_got(const void *lock)
{
    struct lock_list *list = &this_cpu()->locks;

    for (unsigned at = list->nr; at--;)
        if (list->held[at].lock == lock) {
            list->held[at].since_ns = now();
            list->held[at].waiting = false;
            return;
        }
}

/* A CPU that holds the lock: what its list says. */
static const struct held_lock *holder_of(const void *lock, unsigned *cpu)
{
    for (*cpu = 0; *cpu < nr_cpus; ++*cpu) {
        const struct lock_list *list = &cpu_area(*cpu)->locks;
        for (unsigned i = 0; i < list->nr && i < LOCKS_MAX; i++)
            if (list->held[i].lock == lock && !list->held[i].waiting)
                return &list->held[i];
    }
    return NULL;
}

static void note_time(const struct held_lock *held)
{
    u64 ns = held->since_ns && !held->sleeping ? now() - held->since_ns : 0;

    if (ns > READ_ONCE(longest.ns) && measure_times)
        longest = (struct lock_time){ns, held->pc, held->lock};
}

void lock_time_is_long(const void *lock)
{
    struct lock_list *list = &this_cpu()->locks;

    for (unsigned i = 0; i < list->nr; i++)
        if (list->held[i].lock == lock)
            list->held[i].since_ns = 0;
}

void lock_check_drop(const void *lock)
{
    struct lock_list *list = &this_cpu()->locks;
    unsigned at = list->nr, cpu;
    char a[NAME], where[SYMBOL_TEXT];

    if (this_cpu()->in_panic)
        return;
    while (at && list->held[at - 1].lock != lock)
        at--;
    if (!at) {
        const struct held_lock *other = holder_of(lock, &cpu);
        if (other)
            panic("%s is let go by a thread that doesn't hold it: CPU %u took it in %s. likely: a path that never took "
                  "the lock, or took another one",
                  name_of(lock, class_of(lock), a), cpu, symbol_text(other->pc, where));
        panic("%s is let go, but nobody holds it. likely: it is let go twice, or on a path that never took it",
              name_of(lock, class_of(lock), a));
    }
    note_time(&list->held[at - 1]);
    for (; at < list->nr; at++)
        list->held[at - 1] = list->held[at];
    barrier(); /* an interrupt handler's locks come behind the last one, which mustn't be moved any more by then */
    list->nr--;
}

void locks_print(const struct lock_list *list)
{
    char a[NAME], where[SYMBOL_TEXT];

    for (unsigned i = 0; i < list->nr && i < LOCKS_MAX; i++)
        kprintf("    %s, %s in %s\n", name_of(list->held[i].lock, list->held[i].class, a),
                list->held[i].waiting ? "waited for" : "taken", symbol_text(list->held[i].pc, where));
}

const char *locks_text(void)
{
    static char text[240]; /* two panics at once may mix their texts; only one of them is printed */
    const struct lock_list *list = &this_cpu()->locks;
    char a[NAME], where[SYMBOL_TEXT];
    size_t at = 0;

    text[0] = 0;
    for (unsigned i = 0; i < list->nr && i < LOCKS_MAX && at < sizeof(text); i++)
        at +=
            (size_t)snprintf(text + at, sizeof(text) - at, "%s%s, taken in %s", i ? "; " : "",
                             name_of(list->held[i].lock, list->held[i].class, a), symbol_text(list->held[i].pc, where));
    return text;
}

/* How many orders of two classes were seen; for tests. */
unsigned lock_orders_seen(void) { return READ_ONCE(nr_orders); }
#endif
