/* SPDX-License-Identifier: MIT */
/* How POSIX threads wait for each other: mutexes, conditions, once, barriers, locks for reading and writing. */
#include "threads.h"
#include <stdbool.h>
#include <stdlib.h>

/* --- locks --------------------------------------------------------------------------------------- */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counter;

static void *count_under_mutex(void *unused)
{
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&mutex);
        long before = counter;
        if (i % 8 == 0)
            sched_yield();
        counter = before + 1;
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

TEST(pthread, a_mutex_lets_one_thread_in)
{
    pthread_t t[NR];

    start(t, NR, count_under_mutex);
    join(t, NR);
    EXPECT_EQ(counter, NR * 200);
    EXPECT_EQ(pthread_mutex_destroy(&mutex), 0);
}

static void *try_mutex(void *unused)
{
    (void)unused;
    return (void *)(long)(pthread_mutex_trylock(&mutex) * 1000 + pthread_mutex_unlock(&mutex));
}

static void use_kind(int kind)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    EXPECT_EQ(pthread_mutexattr_settype(&attr, kind), 0);
    pthread_mutex_init(&mutex, &attr);
    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
}

TEST(pthread, the_kinds_of_mutexes_differ)
{
    pthread_t t;
    void *result;
    struct timespec past = {0, 0};

    use_kind(PTHREAD_MUTEX_RECURSIVE);
    EXPECT_EQ(pthread_mutex_lock(&mutex), 0);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
    EXPECT_EQ(pthread_mutex_destroy(&mutex), EBUSY);
    pthread_create(&t, NULL, try_mutex, NULL);
    pthread_join(t, &result);
    EXPECT_EQ(result, EBUSY * 1000 + EPERM);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), EPERM);
    use_kind(PTHREAD_MUTEX_ERRORCHECK);
    EXPECT_EQ(pthread_mutex_lock(&mutex), EDEADLK);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
    use_kind(PTHREAD_MUTEX_NORMAL);
    EXPECT_EQ(pthread_mutex_trylock(&mutex), EBUSY);
    EXPECT_EQ(pthread_mutex_timedlock(&mutex, &past), ETIMEDOUT);
    EXPECT_EQ(pthread_mutex_unlock(&mutex), 0);
}

static pthread_cond_t full = PTHREAD_COND_INITIALIZER, empty = PTHREAD_COND_INITIALIZER;
static long letter, taken;

static void *take_letters(void *unused)
{
    for (int i = 0; i < 25; i++) {
        pthread_mutex_lock(&mutex);
        while (!letter)
            pthread_cond_wait(&full, &mutex);
        taken += letter;
        letter = 0;
        pthread_cond_signal(&empty);
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

TEST(pthread, conditions_hand_over_every_letter)
{
    pthread_t t[NR];
    long sum = 0;

    start(t, NR, take_letters);
    for (long i = 1; i <= NR * 25; i++) {
        pthread_mutex_lock(&mutex);
        while (letter)
            pthread_cond_wait(&empty, &mutex);
        letter = i;
        sum += i;
        pthread_cond_broadcast(&full);
        pthread_mutex_unlock(&mutex);
    }
    join(t, NR);
    EXPECT_EQ(taken, sum);
}

TEST(pthread, a_wait_with_a_limit_ends_with_the_mutex_locked)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 2000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&mutex);
    EXPECT_EQ(pthread_cond_timedwait(&full, &mutex, &until), ETIMEDOUT);
    EXPECT_EQ(pthread_mutex_trylock(&mutex), EBUSY);
    pthread_mutex_unlock(&mutex);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int times;
static int arrived;
static void slow_once(void)
{
    usleep(500);
    ADD(times, 1);
}

static void *do_once(void *unused)
{
    pthread_once(&once, slow_once);
    ADD(arrived, LOAD(times) == 1);
    return unused;
}

TEST(pthread, once_is_once_and_everybody_waits_for_it)
{
    pthread_t t[NR];

    start(t, NR, do_once);
    join(t, NR);
    EXPECT_EQ(times, 1);
    EXPECT_EQ(arrived, NR);
}

static pthread_barrier_t barrier;
static long rounds[NR], serial, early;

static void *go_in_step(void *which)
{
    for (int round = 0; round < 20; round++) {
        STORE(rounds[(long)which], round);
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            ADD(serial, 1);
        for (int i = 0; i < NR; i++)
            if (LOAD(rounds[i]) < round)
                ADD(early, 1);
    }
    return NULL;
}

TEST(pthread, a_barrier_keeps_threads_in_step)
{
    pthread_t t[NR];

    EXPECT_EQ(pthread_barrier_init(&barrier, NULL, 0), EINVAL);
    EXPECT_EQ(pthread_barrier_init(&barrier, NULL, NR), 0);
    start(t, NR, go_in_step);
    join(t, NR);
    EXPECT_EQ(pthread_barrier_destroy(&barrier), 0);
    EXPECT_EQ(serial, 20);
    EXPECT_EQ(early, 0);
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static long pair[2], torn;

static void *read_and_write(void *which)
{
    for (int i = 0; i < 100; i++) {
        if (i % 10 == (long)which) {
            pthread_rwlock_wrlock(&rwlock);
            pair[0]++;
            sched_yield();
            pair[1]++;
        } else {
            pthread_rwlock_rdlock(&rwlock);
            if (pair[0] != pair[1])
                ADD(torn, 1);
        }
        pthread_rwlock_unlock(&rwlock);
    }
    return NULL;
}

TEST(pthread, a_reader_never_meets_a_writer)
{
    pthread_t t[NR];

    start(t, NR, read_and_write);
    join(t, NR);
    EXPECT_EQ(torn, 0);
    EXPECT_EQ(pair[0], NR * 10);
    EXPECT_EQ(pthread_rwlock_rdlock(&rwlock), 0);
    EXPECT_EQ(pthread_rwlock_tryrdlock(&rwlock), 0);
    EXPECT_EQ(pthread_rwlock_trywrlock(&rwlock), EBUSY);
    EXPECT_EQ(pthread_rwlock_destroy(&rwlock), EBUSY);
}

/* --- what is destroyed as soon as the others may go on --------------------------------------------- */
static bool comes_true(const int *flag)
{
    for (int i = 0; i < 200 && !LOAD(*flag); i++)
        usleep(1000);
    return LOAD(*flag);
}

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_barrier_t barrier;
    int waits, woken;
} guest;

/* Returns when the new thread waits. */
static pthread_t start_guest(void *(*function)(void *))
{
    pthread_t t;

    ASSERT_EQ(pthread_create(&t, NULL, function, NULL), 0);
    ASSERT(comes_true(&guest.waits));
    usleep(20000);
    return t;
}

static void *wait_for_cond(void *unused)
{
    pthread_mutex_lock(&guest.mutex);
    STORE(guest.waits, 1);
    pthread_cond_wait(&guest.cond, &guest.mutex);
    pthread_mutex_unlock(&guest.mutex);
    STORE(guest.woken, 1);
    return unused;
}

TEST(pthread, a_condition_may_be_destroyed_after_its_broadcast)
{
    pthread_t t;

    memset(&guest, 0, sizeof(guest));
    t = start_guest(wait_for_cond);
    pthread_mutex_lock(&guest.mutex); /* now the other thread is in its wait */
    EXPECT_EQ(pthread_cond_broadcast(&guest.cond), 0);
    EXPECT_EQ(pthread_cond_destroy(&guest.cond), 0);
    EXPECT_EQ(pthread_cond_init(&guest.cond, NULL), 0); /* the memory has another use */
    pthread_mutex_unlock(&guest.mutex);
    ASSERT(comes_true(&guest.woken));
    EXPECT_EQ(pthread_join(t, NULL), 0);
}

static void *wait_at_barrier(void *unused)
{
    STORE(guest.waits, 1);
    pthread_barrier_wait(&guest.barrier);
    STORE(guest.woken, 1);
    return unused;
}

TEST(pthread, a_barrier_may_be_destroyed_after_a_wait)
{
    pthread_t t;

    memset(&guest, 0, sizeof(guest));
    EXPECT_EQ(pthread_barrier_init(&guest.barrier, NULL, 2), 0);
    t = start_guest(wait_at_barrier);
    pthread_barrier_wait(&guest.barrier);
    EXPECT_EQ(pthread_barrier_destroy(&guest.barrier), 0);
    EXPECT_EQ(pthread_barrier_init(&guest.barrier, NULL, 2), 0);
    ASSERT(comes_true(&guest.woken));
    EXPECT_EQ(pthread_join(t, NULL), 0);
}
