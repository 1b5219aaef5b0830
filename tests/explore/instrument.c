/* SPDX-License-Identifier: MIT */
/*
 * The functions that code compiled with -fsanitize=thread calls: before each plain and volatile access, for each atomic
 * operation, at the beginning and the end of functions. The real libtsan isn't linked.
 */
#include "explore.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include <string.h>

#define HERE __builtin_return_address(0)

void schedule_place(enum meeting meeting); /* schedule.c */

/* An access is about to be made. False: it isn't an access of the running operation. */
static inline __attribute__((always_inline)) bool place(const void *at, size_t size, enum access kind, const void *pc)
{
    /* On behalf of another CPU: its interrupt handler, between two of its places. */
    if (!exploring || cpu_playing != running || cpus_on_stack(at) || at == (void *)&cpu_playing ||
        at == (void *)&nr_cpus)
        return false;
    places_passed++;
    enum meeting meeting = access_note(at, size, access_writes(kind), running);
    if (aloud)
        report_place(at, size, kind, pc, meeting != MEETS_NOBODY);
    if (meeting != MEETS_NOBODY)
        schedule_place(meeting);
    cpus_place();
    CHECK(!memory_poisoned(at, size),
          "who uses memory holds a reference to it, or a lock that keeps it from being freed",
          "CPU %u touches what is free by now", running);
    if (races_looked_for)
        races_access(at, size, kind, running, pc);
    if (kind == ACCESS_PLAIN_WRITE || kind == ACCESS_ONCE_WRITE || kind == ACCESS_ATOMIC_STORE)
        cpus_progress();
    return true;
}

/* --- plain and volatile ------------------------------------------------------------------------ */
/* A volatile read of a pointer or an entry is ordered before accesses through the value: a data dependency, as in
 * Linux. */
static inline __attribute__((always_inline)) void once(void *at, size_t size, bool write, const void *pc)
{
    if (!place(at, size, write ? ACCESS_ONCE_WRITE : ACCESS_ONCE_READ, pc) || !races_looked_for)
        return;
    if (write)
        races_release(at, running, true, false);
    else
        races_acquire(at, running, size < 8);
}

/* clang-format off */
#define ACCESSES(n) \
    void __tsan_read##n(void *at); \
    void __tsan_read##n(void *at) { place(at, n, ACCESS_PLAIN_READ, HERE); } \
    void __tsan_write##n(void *at); \
    void __tsan_write##n(void *at) { place(at, n, ACCESS_PLAIN_WRITE, HERE); } \
    void __tsan_unaligned_read##n(void *at); \
    void __tsan_unaligned_read##n(void *at) { place(at, n, ACCESS_PLAIN_READ, HERE); } \
    void __tsan_unaligned_write##n(void *at); \
    void __tsan_unaligned_write##n(void *at) { place(at, n, ACCESS_PLAIN_WRITE, HERE); } \
    void __tsan_volatile_read##n(void *at); \
    void __tsan_volatile_read##n(void *at) { once(at, n, false, HERE); } \
    void __tsan_volatile_write##n(void *at); \
    void __tsan_volatile_write##n(void *at) { once(at, n, true, HERE); }
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)
/* clang-format on */

void __tsan_read_range(void *at, unsigned long size);
void __tsan_write_range(void *at, unsigned long size);
void __tsan_read_range(void *at, unsigned long size) { place(at, size, ACCESS_PLAIN_READ, HERE); }
void __tsan_write_range(void *at, unsigned long size) { place(at, size, ACCESS_PLAIN_WRITE, HERE); }

/* --- atomic ------------------------------------------------------------------------------------ */
static bool acquires(int order)
{
    return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST ||
           order == __ATOMIC_CONSUME;
}
static bool releases(int order)
{
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static void ordered(const volatile void *at, enum access kind, int order)
{
    if (!races_looked_for)
        return;
    if (kind != ACCESS_ATOMIC_STORE)
        races_acquire((const void *)at, running, !acquires(order));
    if (kind != ACCESS_ATOMIC_LOAD)
        races_release((const void *)at, running, !releases(order), kind == ACCESS_ATOMIC_CHANGE);
}

/* clang-format off */
#define CHANGE(bits, type, name, operation) \
    type __tsan_atomic##bits##_##name(volatile type *at, type value, int order); \
    type __tsan_atomic##bits##_##name(volatile type *at, type value, int order) \
    { \
        bool ours = place((const void *)at, sizeof(type), ACCESS_ATOMIC_CHANGE, HERE); \
        type old = operation(at, value, __ATOMIC_SEQ_CST); \
        if (ours) { \
            ordered(at, ACCESS_ATOMIC_CHANGE, order); \
            locks_changed(at, old, *at, acquires(order)); \
            if (*at != old) \
                cpus_progress(); \
        } \
        return old; \
    }
#define COMPARE(bits, type, strength) \
    int __tsan_atomic##bits##_compare_exchange_##strength(volatile type *at, type *expected, type value, int order, int failing); \
    int __tsan_atomic##bits##_compare_exchange_##strength(volatile type *at, type *expected, type value, int order, int failing) \
    { \
        bool ours = place((const void *)at, sizeof(type), ACCESS_ATOMIC_CHANGE, HERE); \
        bool same = __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
        if (ours) { \
            ordered(at, same ? ACCESS_ATOMIC_CHANGE : ACCESS_ATOMIC_LOAD, same ? order : failing); \
            if (same) { \
                locks_changed(at, *expected, value, acquires(order)); \
                cpus_progress(); \
            } \
        } \
        return same; \
    }
#define ATOMICS(bits, type) \
    type __tsan_atomic##bits##_load(const volatile type *at, int order); \
    type __tsan_atomic##bits##_load(const volatile type *at, int order) \
    { \
        if (place((const void *)at, sizeof(type), ACCESS_ATOMIC_LOAD, HERE)) \
            ordered(at, ACCESS_ATOMIC_LOAD, order); \
        return *at; \
    } \
    void __tsan_atomic##bits##_store(volatile type *at, type value, int order); \
    void __tsan_atomic##bits##_store(volatile type *at, type value, int order) \
    { \
        if (place((const void *)at, sizeof(type), ACCESS_ATOMIC_STORE, HERE)) { \
            ordered(at, ACCESS_ATOMIC_STORE, order); \
            locks_changed(at, *at, value, false); \
        } \
        *at = value; \
    } \
    CHANGE(bits, type, exchange, __atomic_exchange_n) \
    CHANGE(bits, type, fetch_add, __atomic_fetch_add) \
    CHANGE(bits, type, fetch_sub, __atomic_fetch_sub) \
    CHANGE(bits, type, fetch_or, __atomic_fetch_or) \
    CHANGE(bits, type, fetch_and, __atomic_fetch_and) \
    COMPARE(bits, type, strong) \
    COMPARE(bits, type, weak)
ATOMICS(8, u8)
ATOMICS(16, u16)
ATOMICS(32, u32)
ATOMICS(64, u64)
/* clang-format on */

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
    if (exploring && cpu_playing == running && races_looked_for)
        races_fence(running, acquires(order), releases(order));
}
void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order) { (void)order; }

/* --- functions --------------------------------------------------------------------------------- */
void __tsan_init(void);
void __tsan_init(void) {}

void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc)
{
    if (!exploring || cpu_playing != running)
        return;
    struct call_stack *c = &calls[running];
    if (c->depth < CALLS_MAX)
        c->pc[c->depth] = pc;
    c->depth++;
}
void __tsan_func_exit(void *pc);
void __tsan_func_exit(void *pc)
{
    (void)pc;
    if (exploring && cpu_playing == running && calls[running].depth)
        calls[running].depth--;
}

/* --- functions that copy and fill: under the names of native.mk and explore.mk ----------------- */
void *explore_memcpy(void *to, const void *from, size_t n);
void *explore_memset(void *to, int byte, size_t n);
void arch_zero(void *to, size_t bytes);

void *explore_memcpy(void *to, const void *from, size_t n)
{
    place(from, n, ACCESS_PLAIN_READ, HERE);
    place(to, n, ACCESS_PLAIN_WRITE, HERE);
    return memcpy(to, from, n);
}

void *explore_memset(void *to, int byte, size_t n)
{
    place(to, n, ACCESS_PLAIN_WRITE, HERE);
    return memset(to, byte, n);
}

void arch_zero(void *to, size_t bytes) { explore_memset(to, 0, bytes); }

void explore_access(const void *at, size_t size, bool write)
{
    if (exploring && cpu_playing == running)
        access_note(at, size, write, running);
}

void explore_again(void)
{
    if (exploring)
        cpus_relax();
}

void explore_hardware(void)
{
    static u8 hardware;
    place(&hardware, 1, ACCESS_ATOMIC_CHANGE, HERE);
}

/* --- poison ------------------------------------------------------------------------------------ */
void explore_poison(const void *at, size_t size, bool poisoned);

static u8 poison[WORLD_MAX_FRAMES * PAGE_SIZE / 64]; /* a bit for each eight bytes of RAM */

void explore_poison(const void *at, size_t size, bool poisoned)
{
    u64 from = ((u64)at - (u64)pfn_address(WORLD_FIRST_PFN)) / 8, end = from + size / 8;

    for (; from < end && from % 8; from++)
        poison[from / 8] = (u8)(poisoned ? poison[from / 8] | 1u << from % 8 : poison[from / 8] & ~(1u << from % 8));
    if (end > from)
        memset(poison + from / 8, poisoned ? 0xff : 0, (end - from) / 8);
    for (from = MAX(from, end & ~7UL); from < end; from++)
        poison[from / 8] = (u8)(poisoned ? poison[from / 8] | 1u << from % 8 : poison[from / 8] & ~(1u << from % 8));
}

bool memory_poisoned(const void *at, size_t size)
{
    u64 bit = ((u64)at - (u64)pfn_address(WORLD_FIRST_PFN)) / 8;

    (void)size;
    return bit < sizeof(poison) * 8 && poison[bit / 8] >> bit % 8 & 1;
}
