/* SPDX-License-Identifier: MIT */
/* POSIX threads keep their promises: results, stacks, values, forks beside them. Locks are in pthread_sync_test.c. */
#include "threads.h"
#include <stdlib.h>

/* --- life ---------------------------------------------------------------------------------------- */
static void *half_by_return(void *n) { return (void *)((long)n / 2); }
static void *half_by_exit(void *n) { pthread_exit((void *)((long)n / 2)); }

TEST(pthread, join_tells_the_result)
{
    pthread_t t;
    void *result = NULL;

    ASSERT_EQ(pthread_create(&t, NULL, half_by_return, (void *)84), 0);
    EXPECT_EQ(pthread_join(t, &result), 0);
    EXPECT_EQ(result, 42);
    ASSERT_EQ(pthread_create(&t, NULL, half_by_exit, (void *)14), 0);
    EXPECT_EQ(pthread_join(t, &result), 0);
    EXPECT_EQ(result, 7);
    EXPECT_EQ(pthread_join(pthread_self(), NULL), EDEADLK);
}

static long arrived;
static void *arrive(void *unused) { return ADD(arrived, 1), unused; }

TEST(pthread, detached_threads_leave_their_slots_to_others)
{
    enum { MANY = 1500 }; /* more than there are slots */
    pthread_attr_t attr;
    pthread_t t;

    pthread_attr_init(&attr);
    EXPECT_EQ(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), 0);
    for (int i = 0; i < MANY; i++) {
        while (pthread_create(&t, i % 2 ? &attr : NULL, arrive, NULL) == EAGAIN)
            sched_yield();
        if (i % 2 == 0)
            EXPECT_EQ(pthread_detach(t), 0);
        while (i - LOAD(arrived) > 20)
            sched_yield();
    }
    while (LOAD(arrived) < MANY)
        sched_yield();
}

static void *wait_for_ever(void *unused)
{
    for (;;)
        usleep(1000000);
    return unused;
}

TEST(pthread, too_many_threads_are_refused)
{
    int status = IN_CHILD({
        pthread_t t;
        int nr = 0;
        int err;
        while ((err = pthread_create(&t, NULL, wait_for_ever, NULL)) == 0 && nr < 5000)
            nr++;
        _exit(err == EAGAIN && nr >= 20 ? 5 : 6);
    });
    EXPECT_EQ(WEXITSTATUS(status), 5);
}

static void *say_3(void *unused)
{
    usleep(3000);
    _exit(LOAD(arrived) == 1 ? 3 : 4);
    return unused;
}

TEST(pthread, the_process_lives_until_its_last_thread_ends)
{
    int status = IN_CHILD({
        pthread_t t;
        pthread_create(&t, NULL, say_3, NULL);
        ADD(arrived, 1);
        pthread_exit(NULL);
    });
    EXPECT_EQ(WEXITSTATUS(status), 3);
}

static void *join_main(void *t)
{
    void *result = NULL;

    if (pthread_join(t, &result) == 0)
        _exit(result == (void *)42 ? 7 : 8);
    return NULL;
}

static void *end_process_late(void *unused)
{
    usleep(200000);
    _exit(6);
    return unused;
}

TEST(pthread, the_first_thread_can_be_joined)
{
    int status = IN_CHILD({
        pthread_t t;
        pthread_create(&t, NULL, join_main, pthread_self());
        pthread_create(&t, NULL, end_process_late, NULL);
        pthread_exit((void *)42);
    });
    EXPECT_EQ(WEXITSTATUS(status), 7);
}

/* --- stacks -------------------------------------------------------------------------------------- */
static unsigned __attribute__((noinline)) dig(unsigned depth)
{
    volatile char frame[1024];

    frame[0] = frame[1023] = (char)depth;
    return depth ? dig(depth - 1) + (unsigned)frame[0] : (unsigned)frame[1023];
}

static void *dig_deep(void *kib) { return (void *)(unsigned long)dig((unsigned)(unsigned long)kib); }

TEST(pthread, a_stack_that_overflows_faults)
{
    EXPECT_DIES(SIGSEGV, {
        pthread_t t;
        pthread_create(&t, NULL, dig_deep, (void *)100);
        pthread_join(t, NULL);
    });
}

TEST(pthread, a_larger_stack_holds_more)
{
    pthread_attr_t attr;
    pthread_t t;
    size_t bytes = 0;

    pthread_attr_init(&attr);
    EXPECT_EQ(pthread_attr_setstacksize(&attr, 256 * KIB), 0);
    EXPECT_EQ(pthread_attr_getstacksize(&attr, &bytes), 0);
    EXPECT_EQ(bytes, 256 * KIB);
    ASSERT_EQ(pthread_create(&t, &attr, dig_deep, (void *)100), 0);
    EXPECT_EQ(pthread_join(t, NULL), 0);
    EXPECT_EQ(pthread_attr_setstacksize(&attr, 100), EINVAL);
    EXPECT_EQ(pthread_attr_setstacksize(&attr, 16 * MIB), EINVAL);
}

/* --- each thread's own --------------------------------------------------------------------------- */
static int own_errors;

static void *make_errors(void *which)
{
    for (int i = 0; i < 50; i++) {
        errno = 0;
        if ((long)which % 2)
            close(-1);
        else
            strtol("99999999999999999999", NULL, 10);
        sched_yield();
        if (errno != ((long)which % 2 ? EBADF : ERANGE))
            ADD(own_errors, 1);
    }
    return NULL;
}

TEST(pthread, errno_belongs_to_a_thread)
{
    pthread_t t[NR];

    errno = 77;
    start(t, NR, make_errors);
    join(t, NR);
    EXPECT_EQ(errno, 77);
    EXPECT_EQ(own_errors, 0);
}

static pthread_key_t key;
static long destroyed;
static void destroy(void *value) { ADD(destroyed, (long)value); }

static void *keep_value(void *n)
{
    if (pthread_getspecific(key))
        ADD(destroyed, 1000);
    pthread_setspecific(key, (char *)n + 1);
    sched_yield();
    if (pthread_getspecific(key) != (char *)n + 1)
        ADD(destroyed, 1000);
    return NULL;
}

TEST(pthread, values_belong_to_a_thread_and_are_destroyed_at_its_end)
{
    pthread_t t[NR];

    ASSERT_EQ(pthread_key_create(&key, destroy), 0);
    EXPECT_EQ(pthread_setspecific(key, &key), 0);
    start(t, NR, keep_value);
    join(t, NR);
    EXPECT_EQ(destroyed, 1 + 2 + 3 + 4);
    EXPECT(pthread_getspecific(key) == &key);
    EXPECT_EQ(pthread_key_delete(key), 0);
    EXPECT_EQ(pthread_setspecific(PTHREAD_KEYS_MAX, &key), EINVAL);
}

TEST(pthread, deleted_keys_are_given_again_without_their_values)
{
    pthread_key_t key;

    for (int i = 0; i < 3 * PTHREAD_KEYS_MAX; i++) {
        ASSERT_EQ(pthread_key_create(&key, NULL), 0);
        EXPECT_EQ(pthread_getspecific(key), NULL);
        EXPECT_EQ(pthread_setspecific(key, &key), 0);
        EXPECT_EQ(pthread_getspecific(key), &key);
        EXPECT_EQ(pthread_key_delete(key), 0);
        EXPECT_EQ(pthread_key_delete(key), EINVAL);
        EXPECT_EQ(pthread_setspecific(key, NULL), EINVAL);
    }
}

/* --- forks --------------------------------------------------------------------------------------- */
static int stop;

static void *use_heap(void *unused)
{
    while (!LOAD(stop))
        free(malloc(100));
    return unused;
}

static void child_of_threads(void)
{
    pthread_t t[NR];
    char *p = malloc(100);

    start(t, NR, half_by_return); /* the slots of the threads that aren't there any more are used again */
    join(t, NR);
    free(p);
    _exit(errno == 55 ? 9 : 8);
}

TEST(pthread, a_child_of_fork_finds_no_lock_locked)
{
    pthread_t t[NR];

    start(t, NR, use_heap);
    errno = 55;
    for (int round = 0; round < 4; round++) /* slow: the others use all CPUs */
        EXPECT_EQ(WEXITSTATUS(IN_CHILD(child_of_threads())), 9);
    STORE(stop, 1);
    join(t, NR);
}

static void *wait_for_any(void *unused)
{
    while (!LOAD(stop))
        if (wait(NULL) < 0)
            sched_yield();
    return unused;
}

TEST(pthread, a_child_that_another_thread_waits_for_has_an_id)
{
    pthread_t t[2];
    int status;

    STORE(stop, 0);
    start(t, 2, wait_for_any);
    for (int round = 0; round < 100; round++) {
        pid_t pid = round % 2 ? spawn("bin/true", (char *[]){"true", NULL}) : fork();
        if (pid == 0)
            _exit(0);
        EXPECT(pid > 0 || (pid == -1 && errno == EMFILE)); /* many children at once: some haven't ended yet */
    }
    STORE(stop, 1);
    join(t, 2);
    while (wait(NULL) > 0)
        ;
    for (int round = 0; round < 3; round++) { /* there is still room for children */
        pid_t pid = fork();
        if (pid == 0)
            _exit(round);
        EXPECT_EQ(waitpid(pid, &status, 0), pid);
        EXPECT_EQ(WEXITSTATUS(status), round);
    }
}

static void *fork_and_return(void *unused)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        return unused; /* the only thread ends: the process ends with 0 */
    waitpid(pid, &status, 0);
    return (void *)(long)status;
}

TEST(pthread, any_thread_may_fork)
{
    pthread_t t;
    void *status = (void *)-1;

    ASSERT_EQ(pthread_create(&t, NULL, fork_and_return, NULL), 0);
    EXPECT_EQ(pthread_join(t, &status), 0);
    EXPECT_EQ(status, 0);
}

static void *take_keys(void *unused)
{
    pthread_key_t key;

    while (!LOAD(stop))
        if (pthread_key_create(&key, NULL) == 0)
            pthread_key_delete(key);
    return unused;
}

TEST(pthread, a_child_of_fork_may_make_keys)
{
    pthread_t t[NR];

    STORE(stop, 0);
    start(t, NR, take_keys);
    for (int round = 0; round < 5; round++) { /* on one CPU each takes several time slices of the others */
        int status = IN_CHILD({
            pthread_key_t key;
            pthread_key_create(&key, NULL);
            _exit(3);
        });
        EXPECT_EQ(WEXITSTATUS(status), 3);
    }
    STORE(stop, 1);
    join(t, NR);
}
