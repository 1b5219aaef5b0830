/* SPDX-License-Identifier: MIT */
/*
 * Threads that wait for each other: queues, sleeping and spinning locks, the count of held locks,
 * messages between CPUs.
 */
#include "helpers.h"
#include <quire/counters.h>
#include <quire/messages.h>
#include <quire/process.h>
#include <quire/string.h>
#include <quire/sync.h>
#include <quire/uaccess.h>
#include <arch-generic/machine.h>

/* --- waiting --------------------------------------------------------------------------- */
static struct {
    struct wait_queue queue;
    u32 tokens, taken;
} shop;

static bool take_token(void)
{
    if (!shop.tokens)
        return false;
    shop.tokens--;
    return true;
}

static void customer(void *arg)
{
    for (u64 i = 0; i < (u64)arg; i++) {
        wait_until(&shop.queue, take_token());
        __atomic_add_fetch(&shop.taken, 1, __ATOMIC_RELAXED);
    }
}

static void baker(void *arg)
{
    for (u64 i = 0; i < (u64)arg; i++) {
        bool irq = spin_lock_irqsave(&shop.queue.lock);
        shop.tokens++;
        wake_all_locked(&shop.queue);
        spin_unlock_irqrestore(&shop.queue.lock, irq);
        spend(i % 5 * 40);
        if (i % 3 == 0)
            thread_yield();
    }
}

TEST(sync, no_wake_up_is_lost)
{
    struct crew crew = {0};
    u64 each = 30, customers = 0;

    wait_queue_init(&shop.queue);
    shop.tokens = shop.taken = 0;
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        if (!cpu_area(cpu)->online)
            continue;
        crew_start(&crew, cpu, customer, (void *)each);
        crew_start(&crew, (cpu + 1) % nr_cpus, baker, (void *)each);
        customers++;
    }
    crew_wait(&crew);
    EXPECT_EQ(shop.taken, customers * each);
    EXPECT_EQ(shop.tokens, 0);
}

/*
 * As a kill does that comes between the look at the condition and the sleep: it wakes the thread, and knows no queue.
 */
static bool first_look_is_too_early(int *looks)
{
    if (++*looks > 1)
        return true;
    thread_wake(current_thread());
    return false;
}

TEST(sync, a_wake_up_after_the_look_ends_the_wait)
{
    struct wait_queue queue;
    int looks = 0;

    wait_queue_init(&queue);
    wait_until(&queue, first_look_is_too_early(&looks));
    EXPECT_EQ(looks, 2);
}

/* The kill came before the thread announced that it sleeps, so nothing else will wake it. */
TEST(sync, a_thread_of_a_killed_process_does_not_sleep)
{
    static struct process killed = {.name = "killed", .state = PROCESS_ENDING};
    struct thread *self = current_thread();
    u64 start = arch_clock_ns();

    self->process = &killed;
    thread_sleep_until(start + 3600 * NS_PER_S);
    self->process = NULL;
    EXPECT(arch_clock_ns() - start < 100 * NS_PER_MS);
}

/* Two threads that wait for each other in turn: after a lost wake-up no other thread would wake them. */
static struct {
    struct wait_queue queue;
    u32 turn;
} table;

static void play(void *arg)
{
    u32 me = (u32)(u64)arg;

    for (unsigned i = 0; i < 100; i++) {
        wait_until(&table.queue, table.turn == me);
        bool irq = spin_lock_irqsave(&table.queue.lock);
        table.turn = !me;
        wake_all_locked(&table.queue);
        spin_unlock_irqrestore(&table.queue.lock, irq);
    }
}

TEST(sync, two_threads_hand_each_other_every_turn)
{
    struct crew crew = {0};

    wait_queue_init(&table.queue);
    table.turn = 0;
    crew_start(&crew, 0, play, (void *)0);
    crew_start(&crew, nr_cpus - 1, play, (void *)1);
    crew_wait(&crew);
    EXPECT_EQ(table.turn, 0);
}

static struct {
    struct rwsem sem;
    u32 readers, writers, most_readers;
    u64 value;
} guarded;

static void check_exclusion(bool writing)
{
    u32 readers = __atomic_load_n(&guarded.readers, __ATOMIC_SEQ_CST);
    u32 writers = __atomic_load_n(&guarded.writers, __ATOMIC_SEQ_CST);

    if (writing ? writers != 1 || readers : writers)
        test_fail(__FILE__, __LINE__, "%u readers and %u writers at once", readers, writers);
}

static void read_and_write(void *arg)
{
    for (u64 i = 0; i < 25; i++) {
        jitter();
        if ((i + (u64)arg) % 4) {
            rwsem_read_lock(&guarded.sem);
            u32 n = __atomic_add_fetch(&guarded.readers, 1, __ATOMIC_SEQ_CST);
            guarded.most_readers = MAX(guarded.most_readers, n);
            check_exclusion(false);
            spend(50);
            __atomic_sub_fetch(&guarded.readers, 1, __ATOMIC_SEQ_CST);
            rwsem_read_unlock(&guarded.sem);
        } else {
            rwsem_write_lock(&guarded.sem);
            __atomic_add_fetch(&guarded.writers, 1, __ATOMIC_SEQ_CST);
            u64 value = guarded.value;
            check_exclusion(true);
            spend(30);
            guarded.value = value + 1;
            __atomic_sub_fetch(&guarded.writers, 1, __ATOMIC_SEQ_CST);
            rwsem_write_unlock(&guarded.sem);
        }
    }
}

TEST(sync, writers_exclude_everybody_and_readers_only_writers)
{
    struct crew crew = {0};
    u64 writes = 0;

    memset(&guarded, 0, sizeof(guarded));
    rwsem_init(&guarded.sem);
    for (unsigned i = 0; i < 2 * nr_cpus; i++) {
        if (!cpu_area(i % nr_cpus)->online)
            continue;
        crew_start(&crew, i % nr_cpus, read_and_write, (void *)(u64)i);
        for (u64 k = 0; k < 25; k++)
            writes += (k + i) % 4 == 0;
    }
    crew_wait(&crew);
    EXPECT_EQ(guarded.value, writes);
}

static spinlock_t counter_lock;
static u64 counted;

static void count_up(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 100; i++) {
        jitter();
        spin_lock(&counter_lock);
        u64 n = counted;
        spend(10);
        counted = n + 1;
        spin_unlock(&counter_lock);
    }
}

TEST(sync, a_spin_lock_lets_one_in_at_a_time)
{
    struct crew crew = {0};
    u64 online = 0;

    counted = 0;
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        crew_start(&crew, cpu, count_up, NULL);
        online += cpu_area(cpu)->online;
    }
    crew_wait(&crew);
    EXPECT_EQ(counted, 100 * online);
    EXPECT(spin_trylock(&counter_lock));
    EXPECT(!spin_trylock(&counter_lock));
    spin_unlock(&counter_lock);
}

/* --- the count of held locks ----------------------------------------------------------- */
TEST(sync, every_kind_of_lock_is_counted)
{
    struct rwsem sem;
    struct mutex mutex;
    spinlock_t lock = SPINLOCK_INIT;

    rwsem_init(&sem);
    mutex_init(&mutex);
    EXPECT_EQ(locks_held(), 0);
    spin_lock(&lock);
    EXPECT_EQ(locks_held(), 1);
    spin_unlock(&lock);
    rwsem_read_lock(&sem);
    mutex_lock(&mutex);
    EXPECT_EQ(locks_held(), 2);
    mutex_unlock(&mutex);
    rwsem_read_unlock(&sem);
    rwsem_write_lock(&sem);
    EXPECT_EQ(locks_held(), 1);
    rwsem_write_unlock(&sem);
    EXPECT_EQ(locks_held(), 0);
    EXPECT(spin_trylock(&lock));
    EXPECT_EQ(locks_held(), 1);
    spin_unlock(&lock);
}

static spinlock_t held_lock;

static void copy_with_a_lock(void *arg)
{
    char byte;

    spin_lock(&held_lock);
    if (arg)
        copy_in(&byte, (struct user_ptr){TEST_BASE}, 1);
    else
        copy_out((struct user_ptr){TEST_BASE}, &byte, 1);
}

TEST(sync, touching_user_memory_with_a_lock_held_panics)
{
    EXPECT_PANIC("1 lock held", copy_with_a_lock, (void *)1);
    held_lock = (spinlock_t)SPINLOCK_INIT;
    EXPECT_PANIC("1 lock held", copy_with_a_lock, NULL);
    held_lock = (spinlock_t)SPINLOCK_INIT;
}

static void sleep_with_a_lock(void *arg)
{
    (void)arg;
    spin_lock(&held_lock);
    thread_sleep_until(arch_clock_ns() + 1000);
}

static void exit_with_a_lock(void *arg)
{
    (void)arg;
    spin_lock(&held_lock);
    thread_exit();
}

TEST(sync, sleeping_or_ending_with_a_lock_held_panics)
{
    EXPECT_PANIC("sleeps holding 1 lock:", sleep_with_a_lock, NULL);
    held_lock = (spinlock_t)SPINLOCK_INIT;
    EXPECT_PANIC("exits holding 1 lock:", exit_with_a_lock, NULL);
    held_lock = (spinlock_t)SPINLOCK_INIT;
}

/* --- messages -------------------------------------------------------------------------- */
TEST(sync, a_message_reaches_every_cpu)
{
    u64 before[MAX_CPUS];

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        before[cpu] = cpu_area(cpu)->counters[COUNTER_IPIS];
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu != this_cpu()->cpu && cpu_area(cpu)->online)
            cpu_request_reschedule(cpu);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) /* a message that doesn't arrive is a hang */
        while (cpu != this_cpu()->cpu && cpu_area(cpu)->online &&
               READ_ONCE(cpu_area(cpu)->counters[COUNTER_IPIS]) == before[cpu])
            thread_sleep_until(arch_clock_ns() + 100000);
}

static void end_at_once(void *unused) { (void)unused; }

TEST(sync, counters_sum_over_all_cpus)
{
    struct crew crew = {0};
    u64 switches = test_count(COUNTER_SWITCHES);

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, end_at_once, NULL);
    crew_wait(&crew);
    u64 sum = 0;
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        sum += cpu_area(cpu)->counters[COUNTER_SWITCHES];
    EXPECT(counter_read(COUNTER_SWITCHES) >= sum);
    EXPECT(test_count(COUNTER_SWITCHES) > switches);
    for (unsigned c = 0; c < COUNTER_COUNT; c++)
        EXPECT(strcmp(counter_name(c), "unknown") != 0);
}
