/* SPDX-License-Identifier: MIT */
/* Threads, waiting and waking, sleeping locks, messages between CPUs, and the count of held locks.
 */
#include "helpers.h"
#include <quire/counters.h>
#include <quire/kvmap.h>
#include <quire/shootdown.h>
#include <quire/string.h>
#include <quire/sync.h>
#include <quire/tlb.h>
#include <quire/uaccess.h>
#include <arch-generic/machine.h>

/* --- threads --------------------------------------------------------------------------- */
static u32 ran_on[MAX_CPUS];

static void note_cpu(void *arg)
{
    (void)arg;
    ran_on[this_cpu()->cpu]++;
}

TEST(sched, a_pinned_thread_runs_on_its_cpu)
{
    struct crew crew = {0};

    memset(ran_on, 0, sizeof(ran_on));
    for (unsigned round = 0; round < 3; round++)
        for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
            crew_start(&crew, cpu, note_cpu, NULL);
    crew_wait(&crew);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        EXPECT_EQ(ran_on[cpu], cpu_area(cpu)->online ? 3 : 0);
}

static void stay(void *arg)
{
    unsigned cpu = (unsigned)(u64)arg;

    for (unsigned i = 0; i < 8; i++) {
        if (this_cpu()->cpu != cpu)
            test_fail(__FILE__, __LINE__, "a thread pinned to CPU %u runs on CPU %u", cpu,
                      this_cpu()->cpu);
        if (i % 2)
            thread_sleep_until(arch_clock_ns() + 10000);
        else
            thread_yield();
    }
}

TEST(sched, a_pinned_thread_stays_where_it_is)
{
    struct crew crew = {0};

    for (unsigned i = 0; i < 2 * nr_cpus; i++)
        crew_start(&crew, i % nr_cpus, stay, (void *)(u64)(i % nr_cpus));
    crew_wait(&crew);
}

static struct {
    char order[8];
    u32 nr, running;
} log;

static void write_down(void *arg)
{
    log.order[log.nr++] = (char)(u64)arg;
    __atomic_sub_fetch(&log.running, 1, __ATOMIC_ACQ_REL);
}

static void start_here(u64 letter, unsigned priority)
{
    struct thread *t = thread_create("letter", NULL, priority, write_down, (void *)letter);

    ASSERT(t != NULL);
    __atomic_add_fetch(&log.running, 1, __ATOMIC_ACQ_REL);
    thread_start_on(t, this_cpu()->cpu);
}

TEST(sched, higher_priorities_run_first_and_equals_in_turn)
{
    memset(&log, 0, sizeof(log));
    start_here('c', PRIORITY_USER - 1);
    start_here('a', PRIORITY_USER + 1);
    start_here('d', PRIORITY_USER - 2);
    start_here('b', PRIORITY_USER + 1);
    EXPECT_EQ(log.nr, 0); /* kernel code isn't preempted */
    while (__atomic_load_n(&log.running, __ATOMIC_ACQUIRE))
        thread_sleep_until(arch_clock_ns() + 20000);
    EXPECT(memcmp(log.order, "abcd", 4) == 0);
}

TEST(sched, a_sleeper_wakes_no_earlier_than_it_asked)
{
    for (unsigned i = 1; i < 6; i++) {
        u64 until = arch_clock_ns() + i * 30000;
        thread_sleep_until(until);
        EXPECT(arch_clock_ns() >= until);
        EXPECT(arch_clock_ns() < until + 5000000);
    }
    u64 now = arch_clock_ns();
    thread_sleep_until(0); /* in the past: at once */
    EXPECT(arch_clock_ns() < now + 5000000);
}

static void sleep_and_log(void *arg)
{
    thread_sleep_until(arch_clock_ns() + (u64)arg % 16 * 200000);
    write_down((void *)('0' + (u64)arg % 16));
}

TEST(sched, sleepers_wake_in_the_order_of_their_deadlines)
{
    static const u64 delay[] = {3, 1, 4, 2};

    memset(&log, 0, sizeof(log));
    for (unsigned i = 0; i < 4; i++) {
        struct thread *t =
            thread_create("sleeper", NULL, PRIORITY_USER, sleep_and_log, (void *)delay[i]);
        ASSERT(t != NULL);
        log.running++;
        thread_start_on(t, this_cpu()->cpu);
    }
    while (__atomic_load_n(&log.running, __ATOMIC_ACQUIRE))
        thread_sleep_until(arch_clock_ns() + 50000);
    EXPECT(memcmp(log.order, "1234", 4) == 0);
}

static int make_thread(void *unused)
{
    (void)unused;
    struct thread *t = thread_create("never", NULL, PRIORITY_USER, note_cpu, NULL);
    if (!t)
        return -1;
    thread_discard(t);
    return 0;
}

TEST(sched, a_thread_that_cannot_be_made_leaves_nothing_behind)
{
    with_every_failure(make_thread, NULL);
}

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

/* Two that wait for each other in turn: nobody else would make up for a wake-up that is lost. */
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
        copy_in(&byte, user_pointer(TEST_BASE), 1);
    else
        copy_out(user_pointer(TEST_BASE), &byte, 1);
}

TEST(sync, touching_user_memory_with_a_lock_held_panics)
{
    EXPECT_PANIC("locks held", copy_with_a_lock, (void *)1);
    held_lock = (spinlock_t)SPINLOCK_INIT;
    EXPECT_PANIC("locks held", copy_with_a_lock, NULL);
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
    EXPECT_PANIC("sleeps holding 1 locks", sleep_with_a_lock, NULL);
    held_lock = (spinlock_t)SPINLOCK_INIT;
    EXPECT_PANIC("exits holding 1 locks", exit_with_a_lock, NULL);
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
    thread_sleep_until(arch_clock_ns() + 1000000);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu != this_cpu()->cpu && cpu_area(cpu)->online)
            EXPECT(READ_ONCE(cpu_area(cpu)->counters[COUNTER_IPIS]) > before[cpu]);
}

TEST(sync, counters_sum_over_all_cpus)
{
    struct crew crew = {0};
    u64 switches = test_count(COUNTER_SWITCHES);

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, note_cpu, NULL);
    crew_wait(&crew);
    u64 sum = 0;
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        sum += cpu_area(cpu)->counters[COUNTER_SWITCHES];
    EXPECT(counter_read(COUNTER_SWITCHES) >= sum);
    EXPECT(test_count(COUNTER_SWITCHES) > switches);
    for (unsigned c = 0; c < COUNTER_COUNT; c++)
        EXPECT(strcmp(counter_name(c), "unknown") != 0);
}
