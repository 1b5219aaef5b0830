/* SPDX-License-Identifier: MIT */
/* Threads of one process on all CPUs: scheduling, and memory that changes while they run. */
#include "child.h"
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <quire/thread.h>

#define NR 4
#define MS 1000000l
#define RW (PROT_READ | PROT_WRITE)

#define LOAD(x)         __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, value) __atomic_store_n(&(x), value, __ATOMIC_RELEASE)
#define ADD(x, value)   __atomic_fetch_add(&(x), value, __ATOMIC_RELAXED)

static void start(struct thread *t, void (*run)(void *), void *argument)
{
    ASSERT_EQ(thread_start(t, run, argument), 0);
}

static long now_ns(void) { return quire_call(clock); }

/* --- sharing --------------------------------------------------------------------------- */
static long sum;

static void add_up(void *count)
{
    for (long i = 0; i < (long)count; i++)
        ADD(sum, 1);
}

TEST(thread, threads_share_memory)
{
    struct thread t[NR];

    for (int i = 0; i < NR; i++)
        start(&t[i], add_up, (void *)5000);
    for (int i = 0; i < NR; i++)
        thread_join(&t[i]);
    EXPECT_EQ(sum, NR * 5000);
}

TEST(thread, threads_come_and_go_without_leaving_anything)
{
    struct thread t[8];

    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 8; i++)
            start(&t[i], add_up, (void *)1);
        for (int i = 0; i < 8; i++)
            thread_join(&t[i]);
    }
    EXPECT_EQ(sum, 80);
}

static void touch_all(void *area)
{
    for (size_t at = 0; at < MIB; at += PAGE)
        ADD(*(long *)((char *)area + at), 1);
}

TEST(thread, first_touches_at_the_same_time_give_one_page_each)
{
    struct thread t[NR];
    char *p = map_pages(MIB, RW);

    for (int i = 0; i < NR; i++)
        start(&t[i], touch_all, p);
    for (int i = 0; i < NR; i++)
        thread_join(&t[i]);
    for (size_t at = 0; at < MIB; at += PAGE)
        EXPECT_EQ(*(long *)(p + at), NR);
}

static char *blocks[NR][50];

static void use_malloc(void *which)
{
    char **mine = blocks[(long)which];

    for (int i = 0; i < 50; i++) {
        mine[i] = malloc(100 + (size_t)i);
        memset(mine[i], (int)(long)which, 100 + (size_t)i);
    }
}

TEST(thread, malloc_serves_threads_at_the_same_time)
{
    struct thread t[NR];

    for (long i = 0; i < NR; i++)
        start(&t[i], use_malloc, (void *)i);
    for (long i = 0; i < NR; i++)
        thread_join(&t[i]);
    for (int i = 0; i < NR; i++)
        for (int k = 0; k < 50; k++)
            EXPECT(blocks[i][k][0] == i && blocks[i][k][99 + k] == i);
}

/* --- scheduling ------------------------------------------------------------------------ */
static int flag, stop;

static void raise_flag(void *unused)
{
    (void)unused;
    STORE(flag, 1);
}

TEST(thread, a_spinning_thread_does_not_stop_another)
{
    struct thread t;

    start(&t, raise_flag, NULL);
    while (!LOAD(flag)) /* no system call here: with one CPU only the end of the time slice lets another thread run */
        ;
    thread_join(&t);
}

static void spin_until_stopped(void *where)
{
    while (!LOAD(stop))
        STORE(*(int *)where, 1 + (int)quire_call(cpu));
}

TEST(thread, threads_run_on_all_cpus)
{
    int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN), where[8] = {0}, seen = 0;
    struct thread t[8];

    ASSERT(cpus >= 1 && cpus <= 8);
    for (int i = 0; i < cpus; i++)
        start(&t[i], spin_until_stopped, &where[i]);
    for (long end = now_ns() + 100 * MS; now_ns() < end && seen != (1 << cpus) - 1;) {
        for (int i = 0; i < cpus; i++)
            if (LOAD(where[i]))
                seen |= 1 << (LOAD(where[i]) - 1);
        usleep(100);
    }
    STORE(stop, 1);
    for (int i = 0; i < cpus; i++)
        thread_join(&t[i]);
    EXPECT_EQ(seen, (1 << cpus) - 1);
}

static void count_until_stopped(void *counter)
{
    while (!LOAD(stop))
        ADD(*(long *)counter, 1);
}

/* A thread that pins itself moves to that CPU at once and stays there, even if that CPU is busy and others idle. */
static unsigned long astray;

static void visit_cpus(void *which)
{
    struct quire_memory m;
    unsigned long random = (unsigned long)which;

    quire_call(memory_info, &m);
    for (int i = 0; i < 100; i++) {
        random = random * 6364136223846793005ul + 1442695040888963407ul;
        int cpu = (int)((random >> 33) % m.cpus_online);
        if (quire_call(cpu_pin, cpu) != 0 || sched_getcpu() != cpu)
            ADD(astray, 1);
        if (i % 4 == 1)
            sched_yield();
        if (i % 4 == 2)
            quire_call(sleep, 10000);
        if (sched_getcpu() != cpu)
            ADD(astray, 1);
        if (i % 8 == 7)
            quire_call(cpu_pin, -1);
    }
    ADD(sum, 1);
}

TEST(thread, a_thread_goes_where_it_is_pinned_and_stays)
{
    struct thread t[2 * NR];

    for (long i = 0; i < 2 * NR; i++)
        start(&t[i], visit_cpus, (void *)i);
    for (int i = 0; i < 2 * NR; i++)
        thread_join(&t[i]);
    EXPECT_EQ(astray, 0);
    EXPECT_EQ(sum, 2 * NR);
}

TEST(thread, a_process_is_killed_while_its_threads_go_from_cpu_to_cpu)
{
    for (int round = 0; round < 10; round++) { /* on one CPU each takes several time slices of the others */
        int status = -1;
        pid_t pid = fork();
        if (pid == 0) {
            struct thread t[NR];
            for (long i = 0; i < NR; i++)
                thread_start(&t[i], visit_cpus, (void *)i);
            for (long i = 0;; i++)
                visit_cpus((void *)i);
        }
        quire_call(sleep, 100000 * (1 + round % 7));
        kill(pid, SIGKILL);
        EXPECT_EQ(waitpid(pid, &status, 0), pid);
        EXPECT(WIFSIGNALED(status));
    }
}

TEST(thread, more_threads_than_cpus_all_get_on)
{
    enum { MANY = 10 };
    static long count[MANY];
    struct thread t[MANY];

    for (int i = 0; i < MANY; i++)
        start(&t[i], count_until_stopped, &count[i]);
    for (int i = 0; i < MANY; i++) /* a thread that never runs hangs the test, however slow the machine is */
        while (!LOAD(count[i]))
            usleep(1000);
    STORE(stop, 1);
    for (int i = 0; i < MANY; i++)
        thread_join(&t[i]);
}

TEST(thread, sleep_is_not_shorter_and_not_much_longer_than_asked)
{
    static const long times[] = {0, 1000, 100 * 1000, 3 * MS};

    for (int i = 0; i < 4; i++) {
        long took = 0, best = __LONG_MAX__;
        /* the host may make the machine's CPUs wait */
        for (int tries = 0; tries < 20 && best >= times[i] + 2 * MS; tries++) {
            long begin = now_ns();
            EXPECT_CALL(0, sleep, times[i]);
            took = now_ns() - begin;
            EXPECT(took >= times[i]);
            best = took < best ? took : best;
        }
        EXPECT(best < times[i] + 2 * MS);
    }
}

TEST(thread, a_sleeper_wakes_up_beside_spinning_threads)
{
    struct thread t[NR];
    static long count[NR];

    for (int i = 0; i < NR; i++)
        start(&t[i], count_until_stopped, &count[i]);
    long begin = now_ns();
    usleep(1000);
    EXPECT(now_ns() - begin >= 1 * MS);
    STORE(stop, 1);
    for (int i = 0; i < NR; i++)
        thread_join(&t[i]);
    EXPECT(now_ns() - begin < 200 * MS);
}

TEST(thread, the_clock_never_goes_back)
{
    long last = now_ns();
    for (int i = 0; i < 200; i++) {
        if (i % 16 == 0)
            sched_yield(); /* perhaps to another CPU */
        long now = now_ns();
        EXPECT(now >= last);
        last = now;
    }
}

static long turns[2];

static void take_turns(void *which)
{
    for (int i = 0; i < 50; i++) {
        ADD(turns[(long)which], 1);
        sched_yield();
    }
}

TEST(thread, yield_lets_others_run)
{
    struct thread a, b;

    start(&a, take_turns, (void *)0);
    start(&b, take_turns, (void *)1);
    thread_join(&a);
    thread_join(&b);
    EXPECT_EQ(turns[0] + turns[1], 100);
}

/* --- memory that changes under other threads ------------------------------------------- */
static int *volatile shared;
static int phase, answers;

/* Reads all the time; after phase 1 it must see the new contents and never the old ones again. */
static void expect_new_contents(void *wanted)
{
    volatile int *p = shared;
    int looked = 0;

    while (!LOAD(phase))
        looked += *p;
    for (int i = 0; i < 1000; i++)
        if (*p != (int)(long)wanted)
            ADD(answers, 1);
    (void)looked;
}

static void change_under_readers(void (*change)(void), long wanted)
{
    struct thread t[NR];

    shared = (int *)map_pages(64 * KIB, RW);
    memset(shared, 1, 64 * KIB);
    for (int i = 0; i < NR; i++)
        start(&t[i], expect_new_contents, (void *)wanted);
    usleep(500); /* all of them have the old page in their TLB */
    change();
    STORE(phase, 1);
    for (int i = 0; i < NR; i++)
        thread_join(&t[i]);
    EXPECT_EQ(answers, 0);
}

static void replace_page(void)
{
    mmap(shared, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}
static void drop_page(void) { madvise(shared, PAGE, MADV_DONTNEED); }
static void replace_and_write(void)
{
    replace_page();
    *shared = 5;
}
static void copy_on_write(void)
{
    IN_CHILD(shared[1] = 1); /* from here on the page is shared */
    pid_t pid = fork();
    if (pid == 0) {
        usleep(5000);
        _exit(0);
    }
    *shared = 6; /* the page gets a frame of its own, for all threads */
    waitpid(pid, NULL, 0);
}

TEST(thread, a_replaced_page_is_gone_for_all_threads) { change_under_readers(replace_page, 0); }
TEST(thread, a_dropped_page_is_gone_for_all_threads) { change_under_readers(drop_page, 0); }
TEST(thread, a_new_page_is_seen_by_all_threads) { change_under_readers(replace_and_write, 5); }
TEST(thread, a_copied_page_is_seen_by_all_threads) { change_under_readers(copy_on_write, 6); }

static void read_for_ever(void *p)
{
    for (;;)
        (void)*(volatile int *)p;
}
static void write_for_ever(void *p)
{
    for (;;)
        ++*(volatile int *)p;
}

TEST(thread, reading_what_another_thread_unmapped_kills)
{
    EXPECT_DIES(SIGSEGV, {
        struct thread t;
        char *p = map_pages(PAGE, RW);
        start(&t, read_for_ever, p);
        usleep(500);
        munmap(p, PAGE);
        sleep(1);
    });
}

TEST(thread, writing_what_another_thread_protected_kills)
{
    EXPECT_DIES(SIGSEGV, {
        struct thread t;
        char *p = map_pages(PAGE, RW);
        start(&t, write_for_ever, p);
        usleep(500);
        mprotect(p, PAGE, PROT_READ);
        sleep(1);
    });
}

TEST(thread, a_copy_does_not_see_what_other_threads_write_later)
{
    struct thread t;
    static long counter[8];

    start(&t, count_until_stopped, counter);
    usleep(300);
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(IN_CHILD({
                      long first = LOAD(counter[0]);
                      usleep(300);
                      _exit(LOAD(counter[0]) != first);
                  }),
                  0);
    STORE(stop, 1);
    thread_join(&t);
}

static void map_and_unmap(void *which)
{
    for (int i = 0; i < 30; i++) {
        char *p = mmap(NULL, 16 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || p[0] || p[15 * PAGE]) {
            ADD(answers, 1);
            return;
        }
        p[0] = p[15 * PAGE] = (char)(1 + (long)which);
        mprotect(p + PAGE, PAGE, PROT_READ);
        if (p[15 * PAGE] != (char)(1 + (long)which) || munmap(p, 16 * PAGE))
            ADD(answers, 1);
    }
}

TEST(thread, threads_map_and_unmap_at_the_same_time)
{
    struct thread t[NR];

    for (long i = 0; i < NR; i++)
        start(&t[i], map_and_unmap, (void *)i);
    for (int i = 0; i < NR; i++)
        thread_join(&t[i]);
    EXPECT_EQ(answers, 0);
}

/* --- ends ------------------------------------------------------------------------------ */
static void exit_with_7(void *unused)
{
    (void)unused;
    _exit(7);
}

TEST(thread, exit_ends_all_threads)
{
    int status = IN_CHILD({
        struct thread a, b;
        start(&a, read_for_ever, map_pages(PAGE, RW));
        start(&b, exit_with_7, NULL);
        for (;;)
            ;
    });
    EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(thread, the_last_thread_ends_the_process)
{
    volatile long *seen = (volatile long *)map_shared(PAGE);
    int status = IN_CHILD({
        struct thread t;
        start(&t, add_up, (void *)1000);
        *seen = 1;
        quire_call(thread_exit);
    });
    EXPECT_EQ(status, 0);
    EXPECT_EQ(*seen, 1);
}

static void fault(void *address) { *(volatile int *)address = 1; }

TEST(thread, a_fault_of_one_thread_ends_the_process)
{
    EXPECT_DIES(SIGSEGV, {
        struct thread t;
        start(&t, fault, NULL);
        for (;;)
            ;
    });
}

TEST(thread, a_copy_has_only_the_thread_that_asked_for_it)
{
    struct thread t;
    static long counter;

    start(&t, count_until_stopped, &counter);
    int status = IN_CHILD({
        struct quire_process p;
        for (long i = 0; quire_call(process_info, i, &p) == 0; i++)
            if ((pid_t)p.id == getpid())
                _exit((int)p.threads);
    });
    EXPECT_EQ(WEXITSTATUS(status), 1);
    STORE(stop, 1);
    thread_join(&t);
}
