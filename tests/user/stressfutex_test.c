/* SPDX-License-Identifier: MIT */
/* Mutexes, conditions, barriers and read-write locks on CPUs that really run at the same time, without time limits. */
#include "threads.h"

#define THREADS 6
#define ROUNDS  300

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t full = PTHREAD_COND_INITIALIZER, empty = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static int items;
static long taken, counter, pair[2];

static void *produce_or_consume(void *number)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        if ((long)number % 2) {
            while (items == 2)
                pthread_cond_wait(&empty, &mutex);
            items++;
            pthread_cond_signal(&full);
        } else {
            while (!items)
                pthread_cond_wait(&full, &mutex);
            items--;
            taken++;
            pthread_cond_signal(&empty);
        }
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

TEST(stressfutex, every_item_is_taken_once)
{
    pthread_t t[THREADS];

    start(t, THREADS, produce_or_consume);
    join(t, THREADS);
    EXPECT_EQ(items, 0);
    EXPECT_EQ(taken, THREADS / 2 * ROUNDS);
    EXPECT_EQ(pthread_cond_destroy(&full), 0);
    EXPECT_EQ(pthread_cond_destroy(&empty), 0);
}

static void *meet(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        ADD(counter, 1);
        pthread_barrier_wait(&barrier);
        if (LOAD(counter) != (long)(i + 1) * THREADS)
            test_fail(__FILE__, __LINE__, "round %d: %ld have come", i, counter);
        pthread_barrier_wait(&barrier);
    }
    return unused;
}

TEST(stressfutex, all_meet_at_a_barrier)
{
    pthread_t t[THREADS];

    pthread_barrier_init(&barrier, NULL, THREADS);
    start(t, THREADS, meet);
    join(t, THREADS);
    EXPECT_EQ(pthread_barrier_destroy(&barrier), 0);
}

static void *read_or_write(void *number)
{
    for (int i = 0; i < ROUNDS; i++) {
        if ((i + (long)number) % 3) {
            pthread_rwlock_rdlock(&rwlock);
            if (pair[0] != pair[1])
                test_fail(__FILE__, __LINE__, "a reader sees %ld and %ld", pair[0], pair[1]);
        } else {
            pthread_rwlock_wrlock(&rwlock);
            pair[0]++;
            if (i % 16 == 0)
                sched_yield();
            pair[1]++;
        }
        pthread_rwlock_unlock(&rwlock);
    }
    return NULL;
}

TEST(stressfutex, readers_and_writers_take_turns)
{
    pthread_t t[THREADS];

    start(t, THREADS, read_or_write);
    join(t, THREADS);
    EXPECT_EQ(pair[0], THREADS * ROUNDS / 3);
    EXPECT_EQ(pthread_rwlock_destroy(&rwlock), 0);
}

static void *nothing(void *unused) { return unused; }

/* A joiner and a thread that ends meet at every moment. */
TEST(stressfutex, threads_end_and_are_joined)
{
    for (int i = 0; i < ROUNDS / 2; i++) {
        pthread_t t[2];
        start(t, 2, nothing);
        join(t, 2);
    }
}
