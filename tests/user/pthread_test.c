/* SPDX-License-Identifier: MIT */
/* POSIX threads keep their promises: results, locks, conditions, values, stacks, forks beside them. */
#include "child.h"
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#define NR              4
#define LOAD(x)         __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, value) __atomic_store_n(&(x), value, __ATOMIC_RELEASE)
#define ADD(x, n)       __atomic_add_fetch(&(x), n, __ATOMIC_RELAXED)

static void start(pthread_t t[], int nr, void *(*function)(void *))
{
    for (long i = 0; i < nr; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, function, (void *)i), 0);
}

static void join(pthread_t t[], int nr)
{
    for (int i = 0; i < nr; i++)
        EXPECT_EQ(pthread_join(t[i], NULL), 0);
}

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
    for (int round = 0; round < 10; round++) {
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
    ASSERT_EQ(pthread_create(&t, NULL, wait_for_cond, NULL), 0);
    ASSERT(comes_true(&guest.waits));
    usleep(20000);
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
    ASSERT_EQ(pthread_create(&t, NULL, wait_at_barrier, NULL), 0);
    ASSERT(comes_true(&guest.waits));
    usleep(20000);
    pthread_barrier_wait(&guest.barrier);
    EXPECT_EQ(pthread_barrier_destroy(&guest.barrier), 0);
    EXPECT_EQ(pthread_barrier_init(&guest.barrier, NULL, 2), 0);
    ASSERT(comes_true(&guest.woken));
    EXPECT_EQ(pthread_join(t, NULL), 0);
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
