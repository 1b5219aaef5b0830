/* SPDX-License-Identifier: MIT */
/*
 * Messages between CPUs. A CPU has one mailbox: bits that say what to do, and one flush request at a time
 * for all CPUs, guarded by flush_lock. A CPU that waits (for the lock or for acknowledgements) serves its own mailbox
 * at the same time, so two CPUs that flush at once can't wait for each other for ever.
 */
#include <quire/messages.h>
#include <quire/cacheflush.h>
#include <quire/counters.h>
#include <quire/log.h>
#include <quire/mm_event.h>
#include <quire/upcalls.h>
#include <quire/spinlock.h>
#include <quire/turns.h>
#include <quire/thread.h>
#include <quire/tlb.h>
#include <arch-generic/machine.h>

#define REQUEST_FLUSH 1u
#define REQUEST_RESCHEDULE 2u
#define REQUEST_STOP 4u
#define REQUEST_FENCE 8u

static u32 mailbox[MAX_CPUS];
static spinlock_t flush_lock;
LOCK_ORDER_STATIC(19, flush_lock);
static struct {
    const struct pt_root *root;
    vaddr_t start;
    u64 nr;
    u32 waiting; /* CPUs that have not answered */
} flush;

static void post(unsigned cpu, u32 request)
{
    u32 before = __atomic_fetch_or(&mailbox[cpu], request, __ATOMIC_SEQ_CST);
    if (!(before & request))
        arch_ipi_send(cpu);
}

void shootdown_serve(void)
{
    struct percpu *cpu = this_cpu();

    if (likely(!READ_ONCE(mailbox[cpu->cpu])))
        return;
    u32 requests = __atomic_exchange_n(&mailbox[cpu->cpu], 0, __ATOMIC_SEQ_CST);
    if (requests & REQUEST_STOP)
        arch_halt();
    if (requests & REQUEST_FLUSH) {
        tlb_flush_local(flush.root, flush.start, flush.nr);
        mm_event(MM_EVENT_FLUSH_ACK, flush.root ? paddr_value(flush.root->table) : 0, flush.start, flush.nr);
        __atomic_fetch_and(&flush.waiting, ~(1u << cpu->cpu), __ATOMIC_RELEASE);
    }
    if (requests & REQUEST_FENCE)
        icache_fence();
    if (requests & REQUEST_RESCHEDULE)
        sched_rearm_timer(); /* a thread waits on this CPU now, so the running thread's time slice counts */
    cpu->user_work = true; /* REQUEST_RESCHEDULE is done on the way back to user mode */
}

void mm_flush_remote(u32 mask, const struct pt_root *root, vaddr_t start, u64 nr)
{
    u32 online = 0;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu_area(cpu)->online)
            online |= 1u << cpu;
    mask &= online & ~(1u << this_cpu()->cpu);
    if (!mask)
        return;
    struct long_wait w = {0};
    lock_note(&flush_lock, false, false);
    while (__atomic_exchange_n(&flush_lock.locked, 1, __ATOMIC_ACQUIRE)) {
        long_wait_step(&w);
        shootdown_serve();
    }
    lock_note_got(&flush_lock);
    flush.root = root;
    flush.start = start;
    flush.nr = nr;
    __atomic_store_n(&flush.waiting, mask, __ATOMIC_RELEASE);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (mask & 1u << cpu)
            post(cpu, REQUEST_FLUSH);
    while (__atomic_load_n(&flush.waiting, __ATOMIC_ACQUIRE)) {
        long_wait_step(&w);
        shootdown_serve();
    }
    spin_unlock(&flush_lock);
    long_wait_end(&w);
}

/* No acknowledgement is needed, because fenced_gen shows that a CPU has fenced; so any number of CPUs may ask at
 * once. */
void mm_fence_remote(u32 mask, u64 gen)
{
    struct long_wait w = {0};

    for (u32 left = mask; left; left &= left - 1)
        post((unsigned)__builtin_ctz(left), REQUEST_FENCE);
    for (u32 left = mask; left; left &= left - 1)
        while (__atomic_load_n(&cpu_area((unsigned)__builtin_ctz(left))->fenced_gen, __ATOMIC_ACQUIRE) < gen) {
            long_wait_step(&w);
            shootdown_serve();
        }
    long_wait_end(&w);
}

void cpu_request_reschedule(unsigned cpu) { post(cpu, REQUEST_RESCHEDULE); }

void cpus_stop_others(void)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu != this_cpu()->cpu && cpu_area(cpu)->online)
            post(cpu, REQUEST_STOP);
}
