/* SPDX-License-Identifier: MIT */
/*
 * Threads, kills, sleeps, waits, forks and ends, all at once, on CPUs that really run at the same time. Work is
 * counted, not timed: a slow machine takes longer. Frames, objects and the account are as before in the end.
 */
#include "child.h"
#include <code.h>
#include <sched.h>
#include <stdlib.h>
#include <quire/thread.h>

#define ADD(x, value) __atomic_fetch_add(&(x), value, __ATOMIC_RELAXED)
#define LOAD(x)       __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, v)   __atomic_store_n(&(x), v, __ATOMIC_RELEASE)
#define OWN_PAGES 8
#define FOR_EVER      1000000000000l

static unsigned random_number(unsigned *state)
{
    *state = *state * 1103515245 + 12345;
    return *state >> 16;
}

static void spin(unsigned loops)
{
    for (volatile unsigned i = 0; i < loops; i++)
        ;
}

/* If a process before ours in the list is freed, the indices move and ours may be skipped: then search again. */
static struct quire_process this_process(void)
{
    struct quire_process p = {0};

    for (long i = 0; (pid_t)p.id != getpid(); i++)
        if (quire_call(process_info, i, &p) != 0)
            i = -1;
    return p;
}

/*
 * Threads and processes that have just ended may not be freed yet; and this process has got some more pages meanwhile.
 * A process or a thread that stays costs more than two frames, and there are hundreds.
 */
static void expect_account(uint64_t used)
{
    uint64_t now = this_process().quota_used;

    for (int tries = 0; tries < 2000 && now > used + OWN_PAGES; tries++) {
        usleep(1000);
        now = this_process().quota_used;
    }
    if (now > used + OWN_PAGES)
        test_fail(__FILE__, __LINE__, "the account had %lu frames before, has %lu now", used, now);
}

/* --- text ------------------------------------------------------------------------------ */
/* A line that the runner would believe if it began at the start of a line. */
static void forge(void)
{
    static const char text[] = "\nok 1 forged.verdict\n# passed 1, failed 0, skipped 0\n";

    for (int i = 0; i < 300; i++) {
        quire_call(write, 1, text, sizeof(text) - 1);
        if (quire_call(poweroff, 0) != -EPERM)
            _exit(1);
    }
    _exit(0);
}

/* The kernel prints its own lines from another CPU meanwhile: between them no program's text may come to the start of a
 * line. */
TEST(stressthread, no_program_forges_a_verdict_while_the_kernel_speaks)
{
    int status;

    for (int i = 0; i < 3; i++)
        if (fork() == 0)
            forge();
    for (int i = 0; i < 40; i++)
        EXPECT_DIES(SIGILL, CODE_ILLEGAL()); /* the kernel prints a line about each */
    for (int i = 0; i < 3; i++) {
        wait(&status);
        EXPECT_EQ(status, 0);
    }
}

/* --- threads --------------------------------------------------------------------------- */
static long ended;

static void end_soon(void *how)
{
    if ((long)how % 3 == 0)
        sched_yield();
    if ((long)how % 3 == 1)
        quire_call(sleep, 1000);
    ADD(ended, 1);
}

static void make_threads(void *unused)
{
    struct thread t[4];

    (void)unused;
    for (long round = 0; round < 40; round++) {
        for (long i = 0; i < 4; i++)
            if (thread_start(&t[i], end_soon, (void *)(round + i)))
                _exit(1);
        for (int i = 0; i < 4; i++)
            thread_join(&t[i]);
    }
}

TEST(stressthread, threads_come_and_go_on_all_cpus)
{
    struct thread maker[4];

    for (int i = 0; i < 4; i++)
        ASSERT_EQ(thread_start(&maker[i], make_threads, NULL), 0);
    for (int i = 0; i < 4; i++)
        thread_join(&maker[i]);
    EXPECT_EQ(ended, 4 * 4 * 40);
}

static char last_stack[256] __attribute__((aligned(16)));

static void __attribute__((noreturn)) sleep_for_ever(void *unused)
{
    (void)unused;
    for (;;)
        quire_call(sleep, FOR_EVER);
}

TEST(stressthread, a_thread_bomb_is_charged_and_leaves_nothing)
{
    enum { MANY = 1500 };
    uint64_t before = this_process().quota_used;
    uint64_t *during = (uint64_t *)map_shared(PAGE);

    *during = 0;
    before = this_process().quota_used;
    for (int round = 0; round < 2; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            uint64_t own = this_process().quota_used;
            for (int i = 0; i < MANY; i++)
                if (quire_call(thread_create, sleep_for_ever, last_stack + sizeof(last_stack), 0) < 0)
                    _exit(1);
            *during = this_process().quota_used - own;
            for (;;)
                ;
        }
        while (!LOAD(*during))
            sched_yield();
        if (*during + OWN_PAGES < MANY * 5) /* four frames of stack, and a fifth for the rest */
            test_fail(__FILE__, __LINE__, "%d threads cost %lu frames", MANY, *during);
        *during = 0;
        int status = 0;
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        EXPECT_EQ(status, SIGKILL);
        expect_account(before);
    }
}

/* A child forks, its children fork, and so on, until there were as many as *left says. Waits for the child. */
static void fork_bomb(int *left, int processes)
{
    *left = processes;
    if (fork() == 0) {
        for (;;) {
            if (__atomic_fetch_sub(left, 1, __ATOMIC_RELAXED) <= 0)
                _exit(0);
            if (fork() < 0)
                sched_yield();
        }
    }
    int status;
    while (wait(&status) > 0)
        EXPECT_EQ(status, 0);
}

/*
 * A small bomb comes first: after it this process has frames of its own for the pages that it writes to and that came
 * from the boot archive or are shared with children, and tables for them.
 */
TEST(stressthread, a_fork_bomb_ends_and_leaves_nothing)
{
    int *left = (int *)map_shared(PAGE);

    fork_bomb(left, 3);
    usleep(20000);
    uint64_t before = this_process().quota_used;
    fork_bomb(left, 300);
    expect_account(before);
}

/* --- kills ----------------------------------------------------------------------------- */
static void __attribute__((noreturn)) wait_for_a_child(void)
{
    if (fork() == 0)
        _exit(0);
    for (;;)
        wait(NULL);
}

static void __attribute__((noreturn)) pin_here_and_there(void *unused)
{
    (void)unused;
    for (int cpu = 0;; cpu++) {
        quire_call(cpu_pin, cpu % 4);
        quire_call(cpu_pin, -1);
    }
}

static void __attribute__((noreturn)) live(int how)
{
    struct thread t;
    char line[8];

    switch (how) {
    case 0:
        sleep_for_ever(NULL);
    case 1:
        for (;;)
            quire_call(sleep, 1000);
    case 2:
        wait_for_a_child();
    case 3:
        for (;;)
            read(0, line, sizeof(line));
    case 4:
        thread_start(&t, sleep_for_ever, NULL);
        pin_here_and_there(NULL);
    case 5:
        thread_start(&t, pin_here_and_there, NULL);
        for (;;)
            fork() == 0 ? _exit(0) : (void)wait(NULL);
    case 6:
        for (;;)
            sched_yield();
    default:
        for (;;)
            make_threads(NULL);
    }
}

static void kill_many(int rounds, unsigned seed)
{
    volatile int *go = (volatile int *)map_shared(PAGE);

    for (int round = 0; round < rounds; round++) {
        *go = 0;
        pid_t pid = fork();
        if (pid == 0) {
            *go = 1;
            live(round % 8);
        }
        while (!*go)
            sched_yield();
        spin(random_number(&seed) % 3000);
        int status = 0;
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        if (status != SIGKILL)
            test_fail(__FILE__, __LINE__, "round %d: expected death by signal 9, seen wait status 0x%x", round, status);
    }
    munmap((void *)go, PAGE);
}

TEST(stresskill, a_kill_reaches_whoever_just_begins_to_wait) { kill_many(160, 1); }

/* The grandchild's end wakes the child while the child is being killed. */
TEST(stresskill, a_kill_meets_a_wake_up)
{
    volatile int *go = (volatile int *)map_shared(PAGE);
    unsigned seed = 1;

    for (int round = 0; round < 150; round++) {
        go[0] = go[1] = 0;
        pid_t pid = fork();
        if (pid == 0) {
            pid_t grandchild = fork();
            if (grandchild == 0) {
                while (!go[1])
                    ;
                _exit(0);
            }
            go[0] = 1;
            for (;;)
                waitpid(grandchild, NULL, 0);
        }
        while (!go[0])
            sched_yield();
        quire_call(sleep, 20000); /* mostly the child waits by now */
        go[1] = 1;
        spin(random_number(&seed) % 3000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

/* A thread waits for any child, while another one fails to make any. */
static int still;

static void wait_for_any(void *unused)
{
    (void)unused;
    while (LOAD(still))
        if (wait(NULL) != -1)
            ADD(ended, 1);
}

static void fail_to_spawn(void *unused)
{
    (void)unused;
    for (int i = 0; i < 300; i++)
        spawn("bin/nothing-there", NULL);
    STORE(still, 0);
}

TEST(stresskill, a_spawn_that_fails_is_nobodys_child)
{
    struct thread a, b;

    still = 1;
    ASSERT_EQ(thread_start(&a, wait_for_any, NULL), 0);
    ASSERT_EQ(thread_start(&b, fail_to_spawn, NULL), 0);
    thread_join(&b);
    thread_join(&a);
    EXPECT_EQ(ended, 0);
}

/* Two threads end at once: the thread that isn't the last must have left the address space before the last one frees
 * it. */
static void spin_until(void *go)
{
    while (!LOAD(*(int *)go))
        ;
}

TEST(stresskill, threads_that_end_together_leave_the_address_space_first)
{
    static int go;

    for (int round = 0; round < 60; round++) {
        int status = IN_CHILD({
            struct thread t[2];
            for (int i = 0; i < 2; i++)
                if (thread_start(&t[i], spin_until, &go))
                    _exit(1);
            STORE(go, 1);
        });
        EXPECT_EQ(status, 0);
        char *p = map_pages(64 * KIB, PROT_READ | PROT_WRITE); /* reuses frames of the ended process */
        memset(p, 0x41, 64 * KIB);
        munmap(p, 64 * KIB);
    }
}

TEST(stresskill, everything_at_once)
{
    uint64_t before = this_process().quota_used;

    for (unsigned i = 0; i < 3; i++)
        if (fork() == 0) {
            kill_many(48, i);
            _exit(0);
        }
    if (fork() == 0) {
        make_threads(NULL);
        _exit(0);
    }
    int status, children = 0;
    while (wait(&status) > 0) {
        EXPECT_EQ(status, 0);
        children++;
    }
    EXPECT_EQ(children, 4);
    expect_account(before);
}
