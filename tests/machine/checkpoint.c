/* SPDX-License-Identifier: MIT */
/*
 * test_checkpoint(): the machine stands still while a program outside looks at it, and then goes on as if there had
 * been no stop.
 *
 * A debugger has a breakpoint at one of two functions, which are used in turn, so that it can set the next breakpoint
 * without a single step. All other CPUs are parked meanwhile, so they aren't in the middle of a change. Under -icount
 * the stop isn't at the same instruction on all CPUs; parked CPUs do the same in each run anyway. The stop may also
 * move the clock to the next timer event. So the timer is set to a near event before, and afterwards all CPUs wait idle
 * for a fixed time, until all runs are the same again.
 */
#include <quire/test_runner.h>
#if QUIRE_DEBUG
#include <quire/console.h>
#include <quire/inspect.h>
#include <quire/log.h>
#include <quire/string.h>
#include <quire/test.h>
#include <quire/thread.h>
#include <quire/turns.h>
#include <quire/upcalls.h>
#include <arch-generic/machine.h>

#define STEP_NS 100000UL  /* guest time that the stop may take; afterwards the same time is waited again */
#define PARK_NS 5000000UL /* a CPU that isn't parked by then goes on */
#define PAUSE_NS 1000000UL /* between two looks */

struct inspect_checkpoint inspect_checkpoint;

void __noinline checkpoint_even(void) { __asm__ volatile("" ::"r"(0) : "memory"); }
void __noinline checkpoint_odd(void) { __asm__ volatile("" ::"r"(1) : "memory"); }

void test_hook_inspect(struct inspect_root *r)
{
    r->results = (u64)&test_results;
    r->results_size = sizeof(test_results);
    r->checkpoint = (u64)&inspect_checkpoint;
    r->checkpoint_even = (u64)checkpoint_even;
    r->checkpoint_odd = (u64)checkpoint_odd;
}

/* --- parking ----------------------------------------------------------------------------------- */
static u32 parked, release; /* CPUs in park(); the number of the last look that has ended */

static void park(void *number)
{
    bool irq = irq_save();

    __atomic_fetch_add(&parked, 1, __ATOMIC_ACQ_REL);
    /* This CPU may come here late, when that look and later ones have ended. */
    while ((s32)(__atomic_load_n(&release, __ATOMIC_ACQUIRE) - (u32)(u64)number) < 0)
        arch_idle();
    __atomic_fetch_sub(&parked, 1, __ATOMIC_ACQ_REL);
    irq_restore(irq);
    sched_rearm_timer();
}

static void park_others(u64 number)
{
    u32 asked = 0;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        if (cpu == this_cpu()->cpu || !cpu_area(cpu)->online)
            continue;
        struct thread *t = thread_create("parked", NULL, PRIORITY_KERNEL, park, (void *)number);
        if (!t)
            continue; /* then it goes on */
        thread_start_on(t, cpu);
        asked++;
    }
    for (u64 end = arch_clock_ns() + PARK_NS; __atomic_load_n(&parked, __ATOMIC_ACQUIRE) < asked && arch_clock_ns() < end;)
        thread_sleep_until(arch_clock_ns() + STEP_NS / 10);
}

static void release_others(u64 number)
{
    __atomic_store_n(&release, (u32)number, __ATOMIC_RELEASE);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu != this_cpu()->cpu && cpu_area(cpu)->online)
            arch_ipi_send(cpu);
    while (__atomic_load_n(&parked, __ATOMIC_ACQUIRE))
        thread_sleep_until(arch_clock_ns() + STEP_NS / 10);
}

/* --- one look ---------------------------------------------------------------------------------- */
static void stand_still(u64 look)
{
    bool irq = irq_save();
    u64 stop_end = arch_clock_ns() + STEP_NS, end = stop_end + STEP_NS;

    arch_timer_set(stop_end);
    if (look & 1)
        checkpoint_odd();
    else
        checkpoint_even();
    while (arch_clock_ns() < end) {
        arch_timer_set(end);
        arch_idle();
    }
    irq_restore(irq);
    sched_rearm_timer();
}

/* park() may have stopped another CPU's thread in the middle of a change: the thread gets time to end it. */
static void look_once(void)
{
    static u64 looks;
    u64 number = looks++;
    bool can_wait = !locks_held();

    inspect_checkpoint.answer = CHECKPOINT_NOBODY;
    if (can_wait)
        park_others(looks);
    stand_still(number);
    if (can_wait)
        release_others(looks);
    inspect_checkpoint.look++;
    if (can_wait && inspect_checkpoint.answer == CHECKPOINT_AGAIN)
        thread_sleep_until(arch_clock_ns() + PAUSE_NS);
}

/* There is one debugger and one set of parked CPUs: checkpoints come one after the other. */
static u32 taken;

static void wait_for_turn(void)
{
    struct long_wait w = {0};

    while (__atomic_exchange_n(&taken, 1, __ATOMIC_ACQUIRE)) {
        if (locks_held())
            long_wait_step(&w); /* the CPU that does the look can't park this CPU, and goes on without it */
        else
            thread_sleep_until(arch_clock_ns() + STEP_NS);
    }
    long_wait_end(&w);
}

void test_checkpoint(const char *name)
{
    wait_for_turn();
    kprint_line("# checkpoint %s\n", name);
    inspect_checkpoint.number++;
    inspect_checkpoint.look = 0;
    strlcpy(inspect_checkpoint.name, name, sizeof(inspect_checkpoint.name));
    do
        look_once();
    while (inspect_checkpoint.answer == CHECKPOINT_AGAIN);
    if (strncmp(inspect_checkpoint.name, name, sizeof(inspect_checkpoint.name) - 1)) {
        test_runner_fail();
        test_diag("checkpoint %s: another one, %s, took its turn meanwhile", name, inspect_checkpoint.name);
    }
    if (inspect_checkpoint.answer == CHECKPOINT_WRONG) {
        test_runner_fail();
        test_diag("checkpoint %s: the page tables, walked from outside, are wrong", name);
    }
    __atomic_store_n(&taken, 0, __ATOMIC_RELEASE);
}
#endif
