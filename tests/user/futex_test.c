/* SPDX-License-Identifier: MIT */
/*
 * Waiting for words: who is woken and who isn't, what a wait says, and that locks nobody waits for cost no system call.
 */
#include "threads.h"
#include <stdint.h>
#include <uapi/quire/ipc.h>

#define LIMIT(us) QUIRE_INFO_LIMIT_US(us)
#define ALL       (~0ul)

static uint32_t word;

/* Wakes so many, as soon as so many wait. */
static void wake_exactly(const uint32_t *at, long threads)
{
    for (long woken = 0; woken < threads;) {
        long n = quire_call(futex_wake, at, threads - woken);
        ASSERT(n >= 0 && n <= threads - woken);
        woken += n;
        if (!n)
            sched_yield();
    }
}

static void *wait_once(void *at) { return (void *)quire_call(futex_wait, at ? at : &word, 0, 0); }

TEST(futex, a_wait_ends_when_somebody_wakes_the_word)
{
    pthread_t t;
    void *result = &t;

    ASSERT_EQ(pthread_create(&t, NULL, wait_once, NULL), 0);
    wake_exactly(&word, 1);
    pthread_join(t, &result);
    EXPECT_EQ((long)result, 0);
    EXPECT_CALL(0, futex_wake, &word, ALL); /* nobody is left */
}

TEST(futex, a_wait_says_what_is_wrong)
{
    char *pages = map_pages(2 * PAGE, PROT_READ | PROT_WRITE);

    EXPECT_CALL(-EAGAIN, futex_wait, &word, 1, LIMIT(1000000));
    EXPECT_CALL(-ETIMEDOUT, futex_wait, &word, 0, LIMIT(1000));
    EXPECT_CALL(-EINVAL, futex_wait, (char *)&word + 2, 0, LIMIT(1000));
    EXPECT_CALL(-EINVAL, futex_wake, (char *)&word + 1, 1);
    EXPECT_CALL(-ETIMEDOUT, futex_wait, pages + PAGE - 4, 0, LIMIT(1000)); /* the wait itself brings the page in */
    munmap(pages + PAGE, PAGE);
    EXPECT_CALL(-EFAULT, futex_wait, pages + PAGE, 0, LIMIT(1000));
    EXPECT_CALL(-EFAULT, futex_wake, pages + PAGE, 1);
    mprotect(pages, PAGE, PROT_NONE);
    EXPECT_CALL(-EFAULT, futex_wait, pages, 0, LIMIT(1000));
    EXPECT_CALL(-EFAULT, futex_wait, ~0ul - 3, 0, LIMIT(1000));
    EXPECT_CALL(-EFAULT, futex_wake, NULL, 1);
    munmap(pages, PAGE);
}

static int came[NR], nr_came;

static void *wait_in_line(void *number)
{
    quire_call(futex_wait, &word, 0, 0);
    came[ADD(nr_came, 1) - 1] = (int)(long)number;
    return NULL;
}

/* Starts a thread that waits, and returns when it does so: then its process's threads are all in the kernel. */
static void start_in_line(pthread_t *t, long number)
{
    ASSERT_EQ(pthread_create(t, NULL, wait_in_line, (void *)number), 0);
    usleep(3000);
}

TEST(futex, a_wake_takes_as_many_as_it_says_and_the_first_first)
{
    pthread_t t[NR];

    for (long i = 0; i < NR; i++)
        start_in_line(&t[i], i);
    EXPECT_CALL(0, futex_wake, &word, 0);
    EXPECT_CALL(1, futex_wake, &word, 1);
    EXPECT_EQ(pthread_join(t[0], NULL), 0);
    EXPECT_CALL(2, futex_wake, &word, 2);
    EXPECT_EQ(pthread_join(t[1], NULL), 0);
    EXPECT_EQ(pthread_join(t[2], NULL), 0);
    EXPECT_EQ(LOAD(nr_came), 3);
    EXPECT_CALL(1, futex_wake, &word, ALL);
    EXPECT_EQ(pthread_join(t[3], NULL), 0);
    EXPECT_EQ(came[0], 0);
    EXPECT_EQ(came[3], 3);
}

/* --- no wake-up is lost --------------------------------------------------------------------------------- */
#define ROUNDS 400

static void await_value(uint32_t *at, uint32_t value)
{
    for (uint32_t now = LOAD(*at); now != value; now = LOAD(*at))
        quire_call(futex_wait, at, now, 0);
}

/* Each side waits for the other's word without a time limit: one lost wake-up, and the test hangs. */
static void play(uint32_t *words, int side)
{
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        if (side)
            await_value(&words[0], round);
        STORE(words[side], round);
        quire_call(futex_wake, &words[side], 1);
        if (!side)
            await_value(&words[1], round);
    }
}

static uint32_t words[2];

static void *play_second(void *unused)
{
    play(words, 1);
    return unused;
}

TEST(futex, no_wake_up_is_lost)
{
    pthread_t t;

    ASSERT_EQ(pthread_create(&t, NULL, play_second, NULL), 0);
    play(words, 0);
    EXPECT_EQ(pthread_join(t, NULL), 0);
}

/* --- which word ------------------------------------------------------------------------------------------ */
TEST(futex, processes_that_share_memory_wake_each_other)
{
    int object = (int)quire_call(memory_create, 2 * PAGE);
    char *here = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, object, 0);
    char *there = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, object, PAGE);

    ASSERT(here != MAP_FAILED && there != MAP_FAILED);
    pid_t pid = fork();
    if (pid == 0) { /* the same words at another address */
        play((uint32_t *)(there + 8), 1);
        _exit(0);
    }
    play((uint32_t *)(here + PAGE + 8), 0);
    int status = -1;
    waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
    munmap(here, 2 * PAGE);
    munmap(there, PAGE);
    close(object);
}

TEST(futex, a_copy_of_a_process_has_words_of_its_own)
{
    pthread_t t;

    start_in_line(&t, 0);
    EXPECT_EQ(IN_CHILD(_exit(quire_call(futex_wake, &word, ALL) != 0)), 0);
    EXPECT_EQ(LOAD(nr_came), 0);
    EXPECT_CALL(1, futex_wake, &word, ALL);
    EXPECT_EQ(pthread_join(t, NULL), 0);
}

TEST(futex, neighbours_are_other_words)
{
    static uint32_t both[2];
    pthread_t t;

    ASSERT_EQ(pthread_create(&t, NULL, wait_once, &both[1]), 0);
    usleep(3000);
    EXPECT_CALL(0, futex_wake, &both[0], ALL);
    wake_exactly(&both[1], 1);
    EXPECT_EQ(pthread_join(t, NULL), 0);
}

/* --- ends ------------------------------------------------------------------------------------------------ */
TEST(futex, a_waiter_that_is_killed_leaves)
{
    uint32_t *shared = (uint32_t *)map_shared(PAGE);
    pid_t pid = fork();

    if (pid == 0) {
        pthread_t t;
        pthread_create(&t, NULL, wait_once, shared);
        wait_once(shared);
        _exit(1);
    }
    usleep(5000);
    expect_killed(pid);
    EXPECT_CALL(0, futex_wake, shared, ALL);
    munmap(shared, PAGE);
}

static char *page;

static void *wait_with_limit(void *unused)
{
    (void)unused;
    return (void *)quire_call(futex_wait, page, 0, LIMIT(20000));
}

TEST(futex, a_word_may_be_unmapped_while_somebody_waits)
{
    pthread_t t;
    void *result;

    page = map_shared(PAGE);
    ASSERT_EQ(pthread_create(&t, NULL, wait_with_limit, NULL), 0);
    usleep(3000);
    munmap(page, PAGE); /* the waiter keeps the memory object */
    EXPECT_CALL(-EFAULT, futex_wake, page, ALL);
    EXPECT_EQ(pthread_join(t, &result), 0);
    EXPECT_EQ((long)result, -ETIMEDOUT);
}

/* Debug kernels know at most 255 kinds of locks: all the lists of waiters are one kind. */
TEST(futex, any_number_of_words_is_one_kind_of_lock)
{
    static unsigned words[4096];

    for (unsigned i = 0; i < 4096; i++)
        EXPECT_CALL(-EAGAIN, futex_wait, &words[i], 1, 0);
}

/* --- the library's locks ----------------------------------------------------------------------------------- */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

TEST(futex, locks_that_nobody_waits_for_make_no_system_call)
{
    uint64_t before = test_count(COUNTER_SYSCALLS), between = test_count(COUNTER_SYSCALLS) - before;

    ASSERT(between > 0); /* test_count() is a call itself */
    before = test_count(COUNTER_SYSCALLS);
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&mutex);
        pthread_cond_signal(&condition);
        pthread_cond_broadcast(&condition);
        pthread_mutex_unlock(&mutex);
        pthread_rwlock_rdlock(&rwlock);
        pthread_rwlock_unlock(&rwlock);
        pthread_rwlock_wrlock(&rwlock);
        pthread_rwlock_unlock(&rwlock);
    }
    EXPECT_EQ(test_count(COUNTER_SYSCALLS) - before, between);
}

static void *lock_and_go(void *unused)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return unused;
}

/* Threads that wait for a lock make few calls, however long they wait. */
TEST(futex, who_waits_for_a_lock_sleeps)
{
    pthread_t t[NR];

    pthread_mutex_lock(&mutex);
    start(t, NR, lock_and_go);
    usleep(5000);
    uint64_t before = test_count(COUNTER_SYSCALLS);
    usleep(30000);
    EXPECT(test_count(COUNTER_SYSCALLS) - before < 10);
    pthread_mutex_unlock(&mutex);
    join(t, NR);
}
