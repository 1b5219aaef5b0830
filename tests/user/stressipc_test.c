/* SPDX-License-Identifier: MIT */
/*
 * Messages under load: clients and servers on all CPUs, with time limits, handles, windows, signals, and sudden ends.
 */
#include "child.h"
#include <pthread.h>
#include <sched.h>
#include <quire/message.h>

#define CLIENTS 4
#define SERVERS 3
#define ROUNDS  60

static int endpoint, notification;

/* The answer to a call is its first word plus 1, and its badge. */
static void serve(unsigned seed)
{
    char byte = 0;

    for (;;) {
        struct quire_extra extra = {.window = 0};
        struct message m = {.extra = &extra, .info = seed & 1 ? QUIRE_INFO_LIMIT_US(300) : 0};
        long got = message_receive(endpoint, &m);
        for (unsigned long i = 0; got > 0 && i < m.info; i++)
            close(extra.handle[i]);
        if (got != QUIRE_GOT_CALL)
            continue;
        unsigned long badge = m.badge;
        seed = seed * 1103515245 + 12345;
        switch (seed >> 16 & 15) {
        case 0:
            continue; /* no answer */
        case 1:
            quire_call(sleep, 200000);
            break;
        case 2: {
            int later = (int)quire_call(reply_save);
            sched_yield();
            m = (struct message){.word = {m.word[0] + 1, badge}};
            message_reply(later, &m);
            close(later);
            continue;
        }
        }
        quire_call(window_read, -1, 0, &byte, 1);
        quire_call(window_write, -1, 0, &byte, 1);
        quire_call(signal, notification, 1);
        m = (struct message){.word = {m.word[0] + 1, badge}};
        message_reply(-1, &m);
    }
}

static void call(int handle, unsigned long badge, unsigned seed)
{
    char page[16] = {1};

    for (unsigned long i = 1;; i++) {
        seed = seed * 1103515245 + 12345;
        struct quire_extra extra = {.handle = {notification},
                                    .window = (unsigned long)page,
                                    .window_bytes = sizeof(page),
                                    .window_rights = RIGHT_READ | RIGHT_WRITE};
        struct message m = {.word = {i}, .extra = &extra};
        if (seed >> 16 & 1)
            m.info |= QUIRE_INFO_LIMIT_US(1 + (seed >> 20 & 511));
        if (seed >> 17 & 1)
            m.info |= QUIRE_INFO_HANDLES(1);
        if (seed >> 18 & 1)
            m.info |= QUIRE_INFO_WINDOW;
        long result = message_call(handle, &m);
        if (result == 0 ? m.word[0] != i + 1 || m.word[1] != badge : result != -ETIMEDOUT && result != -EPIPE)
            _exit(1);
    }
}

static pid_t start(int who, unsigned seed)
{
    pid_t pid = fork();

    if (pid)
        return pid;
    if (who < SERVERS)
        serve(seed);
    int handle = (int)quire_call(handle_duplicate, endpoint, RIGHT_CALL | RIGHT_TRANSFER, (unsigned long)who);
    call(handle, (unsigned long)who, seed);
    _exit(2);
}

TEST(stressipc, clients_and_servers_end_at_any_moment)
{
    pid_t child[SERVERS + CLIENTS];
    unsigned long bits;

    endpoint = (int)quire_call(endpoint_create);
    notification = (int)quire_call(notification_create);
    for (int i = 0; i < SERVERS + CLIENTS; i++)
        child[i] = start(i, (unsigned)test_rand());
    for (int round = 0; round < ROUNDS; round++) {
        notification_wait(notification, 1, QUIRE_INFO_LIMIT_US(2000), &bits);
        int victim = (int)(test_rand() % (SERVERS + CLIENTS)), status = -1;
        ASSERT_EQ(waitpid(child[victim], &status, WNOHANG), 0); /* none has ended by itself */
        expect_killed(child[victim]);
        child[victim] = start(victim, (unsigned)test_rand());
    }
    for (int i = 0; i < SERVERS + CLIENTS; i++)
        expect_killed(child[i]);
}

/* A word for a word, as fast as it goes, between pairs on all CPUs. */
TEST(stressipc, pairs_take_the_short_cut)
{
    pid_t child[2 * 4];

    for (int i = 0; i < 4; i++) {
        endpoint = (int)quire_call(endpoint_create);
        child[2 * i] = fork();
        if (!child[2 * i]) {
            struct message m = {.info = 0};
            message_receive(endpoint, &m);
            while (m.word[0]) {
                m.info = 0;
                m.word[1] = m.word[0] + m.word[5];
                message_reply_receive(endpoint, &m);
            }
            message_reply(-1, &m);
            _exit(0);
        }
        child[2 * i + 1] = fork();
        if (!child[2 * i + 1]) {
            uint64_t slow = test_count(COUNTER_MESSAGES_SLOW);
            volatile double sum = 0;
            for (unsigned long n = 1; n <= 2000; n++) {
                struct message m = {.word = {n, 0, 3, 4, 5, n}};
                if (message_call(endpoint, &m) || m.word[1] != 2 * n)
                    _exit(1);
                if (n % 100 == 0)
                    sum += (double)n;
            }
            message_call(endpoint, &(struct message){.word = {0}});
            if (QUIRE_FASTPATH && test_count(COUNTER_MESSAGES_SLOW) - slow > 4 * 2000 / 4)
                _exit(2); /* more than a quarter of all calls took the long way */
            _exit(sum != 21000.0);
        }
        close(endpoint);
    }
    for (int i = 0; i < 8; i++) {
        int status = -1;
        EXPECT_EQ(waitpid(child[i], &status, 0), child[i]);
        EXPECT_EQ(status, 0);
    }
}

/* --- the short cut, and sudden ends -------------------------------------------------------------------- */
static void serve_shortly(double mine)
{
    struct message m = {.info = 0};
    volatile double kept = mine;
    long got = message_receive(endpoint, &m);

    for (;;) {
        if (got == QUIRE_GOT_CALL)
            m.word[1] = m.word[0] + 1;
        if (m.word[0] % 7 == 0 && (kept = kept * 2 / 2) != mine)
            _exit(1);
        got = got == QUIRE_GOT_CALL ? message_reply_receive(endpoint, &m) : message_receive(endpoint, &m);
    }
}

static void call_shortly(double mine)
{
    volatile double kept = mine;

    for (unsigned long i = 1;; i++) {
        struct message m = {.word = {i}};
        long result = message_call(endpoint, &m);
        if (result ? result != -EPIPE : m.word[1] != i + 1)
            _exit(1);
        if (i % 5 == 0 && (kept = kept * 2 / 2) != mine)
            _exit(1);
    }
}

static pid_t start_shortly(int who)
{
    pid_t pid = fork();

    if (!pid && who < SERVERS)
        serve_shortly(who + 0.5);
    if (!pid)
        call_shortly(who + 0.5);
    return pid;
}

TEST(stressipc, pairs_end_at_any_moment)
{
    pid_t child[2 * SERVERS];

    endpoint = (int)quire_call(endpoint_create);
    for (int i = 0; i < 2 * SERVERS; i++)
        child[i] = start_shortly(i);
    for (int round = 0; round < 2 * ROUNDS; round++) {
        int victim = (int)(test_rand() % (2 * SERVERS)), status = -1;
        quire_call(sleep, test_rand() % 500000);
        ASSERT_EQ(waitpid(child[victim], &status, WNOHANG), 0); /* none has ended by itself */
        expect_killed(child[victim]);
        child[victim] = start_shortly(victim);
    }
    for (int i = 0; i < 2 * SERVERS; i++)
        expect_killed(child[i]);
}

/* --- the last handle to receive from ------------------------------------------------------------------ */
#define LOAD(x)     __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELEASE)
#define TURNS       400

static int only_call;
static unsigned calls, closes, called, closed;
static long call_result;

static void *call_each(void *unused)
{
    for (unsigned n = 1; n <= TURNS; n++) {
        while (LOAD(calls) < n)
            sched_yield();
        call_result = message_call(only_call, &(struct message){.word = {n}});
        STORE(called, n);
    }
    return unused;
}

static void *close_each(void *unused)
{
    for (unsigned n = 1; n <= TURNS; n++) {
        while (LOAD(closes) < n)
            sched_yield();
        close(endpoint);
        STORE(closed, n);
    }
    return unused;
}

/* One thread closes the last handle to receive from, another duplicates it: either is first, and nothing in between. */
TEST(stressipc, an_endpoint_is_never_closed_for_a_moment)
{
    struct message m = {.info = 0};
    pthread_t caller, closer;

    ASSERT_EQ(pthread_create(&caller, NULL, call_each, NULL), 0);
    ASSERT_EQ(pthread_create(&closer, NULL, close_each, NULL), 0);
    for (unsigned n = 1; n <= TURNS; n++) {
        endpoint = (int)quire_call(endpoint_create);
        only_call = (int)quire_call(handle_duplicate, endpoint, RIGHT_CALL | RIGHT_TRANSFER, 0);
        STORE(calls, n);
        quire_call(sleep, 100000); /* the caller is in the queue now, mostly */
        STORE(closes, n);
        for (volatile unsigned i = 0; i < n; i++)
            ;
        int copy = (int)quire_call(handle_duplicate, endpoint, RIGHT_RECEIVE | RIGHT_TRANSFER, 0);
        while (LOAD(closed) < n)
            sched_yield();
        if (copy >= 0) {
            m.info = QUIRE_INFO_LIMIT_US(200000);
            EXPECT_EQ(message_receive(copy, &m), QUIRE_GOT_CALL);
            message_reply(-1, &m);
            close(copy);
        }
        while (LOAD(called) < n)
            sched_yield();
        ASSERT_EQ(call_result, copy >= 0 ? 0 : -EPIPE);
        close(only_call);
    }
    EXPECT_EQ(pthread_join(caller, NULL), 0);
    EXPECT_EQ(pthread_join(closer, NULL), 0);
}

static void *call_for_a_moment(void *handle)
{
    return (void *)message_call((int)(long)handle, &(struct message){.info = QUIRE_INFO_LIMIT_US(3000)});
}

/* The caller's time is over while the endpoint is being closed, and its thread ends at once. */
TEST(stressipc, a_caller_may_end_while_its_endpoint_is_closed)
{
    for (int i = 0; i < 30; i++) {
        int e = (int)quire_call(endpoint_create);
        int only = (int)quire_call(handle_duplicate, e, RIGHT_CALL | RIGHT_TRANSFER, 0);
        pthread_t t;
        void *result;
        ASSERT_EQ(pthread_create(&t, NULL, call_for_a_moment, (void *)(long)only), 0);
        quire_call(sleep, 2900000 + test_rand() % 200000);
        close(e);
        EXPECT_EQ(pthread_join(t, &result), 0);
        EXPECT((long)result == -EPIPE || (long)result == -ETIMEDOUT);
        close(only);
    }
}

/* --- two threads with one reply object ---------------------------------------------------------------- */
static int reply = -1, copies_end, copied;

static void *copy_all_the_time(void *unused)
{
    static char bytes[2048];

    while (!__atomic_load_n(&copies_end, __ATOMIC_ACQUIRE))
        if (quire_call(window_read, __atomic_load_n(&reply, __ATOMIC_ACQUIRE), 0, bytes, sizeof(bytes)) > 0)
            __atomic_add_fetch(&copied, 1, __ATOMIC_RELEASE);
    return unused;
}

#define ANSWERS 100

static void *call_with_window(void *unused)
{
    static char window[2048];
    long wrong = 0;

    for (int i = 0; i < ANSWERS; i++) {
        struct quire_extra extra = {.window = (unsigned long)window, .window_bytes = sizeof(window),
                                    .window_rights = RIGHT_READ};
        struct message m = {.info = QUIRE_INFO_WINDOW, .extra = &extra};
        wrong += message_call(endpoint, &m) != 0;
    }
    return (void *)wrong;
}

TEST(stressipc, an_answer_comes_while_another_thread_copies_from_the_window)
{
    pthread_t client, copier;
    void *wrong = &client;

    endpoint = (int)quire_call(endpoint_create);
    pthread_create(&copier, NULL, copy_all_the_time, NULL);
    pthread_create(&client, NULL, call_with_window, NULL);
    for (int i = 0; i < ANSWERS; i++) {
        struct message m = {.info = 0};
        ASSERT_EQ(message_receive(endpoint, &m), QUIRE_GOT_CALL);
        int saved = (int)quire_call(reply_save);
        int before = __atomic_load_n(&copied, __ATOMIC_ACQUIRE);
        __atomic_store_n(&reply, saved, __ATOMIC_RELEASE);
        while (__atomic_load_n(&copied, __ATOMIC_ACQUIRE) == before)
            sched_yield();
        for (volatile int k = 0; k < i * 29; k++)
            ;
        m = (struct message){.info = 0};
        EXPECT_EQ(message_reply(saved, &m), 0);
        close(saved);
    }
    pthread_join(client, &wrong);
    EXPECT_EQ((long)wrong, 0);
    __atomic_store_n(&copies_end, 1, __ATOMIC_RELEASE);
    pthread_join(copier, NULL);
}
