/* SPDX-License-Identifier: MIT */
/* Messages between threads and processes: words, handles, windows; and every partner that ends in the middle. */
#include "child.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <quire/message.h>

#define LOAD(x) __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define MS      1000ul /* in microseconds */

static int new_endpoint(void)
{
    int e = (int)quire_call(endpoint_create);
    ASSERT(e >= 0);
    return e;
}

static int new_notification(void)
{
    int n = (int)quire_call(notification_create);
    ASSERT(n >= 0);
    return n;
}

/* Answers each call with its words, each increased by one, and word 5 the badge; ends when word 0 is 0. */
static void serve(int endpoint)
{
    struct message m = {.info = 0};
    long got = message_receive(endpoint, &m);

    while (got == QUIRE_GOT_CALL && m.word[0]) {
        for (int i = 0; i < 5; i++)
            m.word[i]++;
        m.word[5] = m.badge;
        got = message_reply_receive(endpoint, &m);
    }
    if (got == QUIRE_GOT_CALL)
        message_reply(-1, &m);
}

static void *serve_thread(void *endpoint)
{
    serve((int)(long)endpoint);
    return NULL;
}

static void stop_server(int endpoint) { EXPECT_EQ(message_call(endpoint, &(struct message){.word = {0}}), 0); }

/* --- handles ---------------------------------------------------------------------------------------- */
TEST(ipc, a_duplicate_has_no_more_rights_than_its_handle)
{
    int e = new_endpoint();
    int caller = (int)quire_call(handle_duplicate, e, RIGHT_CALL, 7);

    ASSERT(caller >= 0);
    EXPECT_EQ(message_receive(caller, &(struct message){.info = 0}), -EACCES);
    EXPECT_CALL(-EACCES, handle_duplicate, caller, RIGHT_CALL | RIGHT_RECEIVE, 0);
    EXPECT_CALL(-EINVAL, handle_duplicate, caller, RIGHT_CALL, 8); /* a badge is for ever */
    EXPECT_CALL(-EINVAL, handle_duplicate, e, 2 * RIGHT_OWN, 0);
    EXPECT_CALL(-EBADF, handle_duplicate, 4000, RIGHT_CALL, 0);
    EXPECT_CALL(-EBADF, handle_duplicate, -1, 0, 0);
    EXPECT_EQ(message_call(0, &(struct message){.info = 0}), -EBADF); /* the console isn't an endpoint */
}

/* That all comes back is what the test runner compares. */
TEST(ipc, a_table_grows_until_it_is_full)
{
    int e = new_endpoint(), n = 0;

    EXPECT_EQ(IN_CHILD({
                  while (quire_call(handle_duplicate, e, RIGHT_CALL, 0) >= 0)
                      n++;
                  _exit(n != QUIRE_HANDLES_MAX - e - 2 || fork() >= 0); /* no handle is left for a child */
              }),
              0);
}

/* --- calls ------------------------------------------------------------------------------------------ */
static void expect_served(int endpoint, unsigned long badge, int rounds)
{
    for (unsigned long i = 1; i <= (unsigned long)rounds; i++) {
        struct message m = {.word = {i, i + 10, i + 20, i + 30, i + 40, i + 50}};
        ASSERT_EQ(message_call(endpoint, &m), 0);
        for (unsigned long w = 0; w < 5; w++)
            ASSERT_EQ(m.word[w], i + 10 * w + 1);
        ASSERT_EQ(m.word[5], badge);
    }
}

TEST(ipc, six_words_go_to_a_thread_and_come_back)
{
    int e = new_endpoint(), badged = (int)quire_call(handle_duplicate, e, RIGHT_CALL | RIGHT_TRANSFER, 42);
    pthread_t t;

    ASSERT_EQ(pthread_create(&t, NULL, serve_thread, (void *)(long)e), 0);
    expect_served(e, 0, 100);
    expect_served(badged, 42, 100);
    stop_server(e);
    EXPECT_EQ(pthread_join(t, NULL), 0);
}

TEST(ipc, six_words_go_to_a_process_and_come_back)
{
    int e = new_endpoint(),
        badged = (int)quire_call(handle_duplicate, e, RIGHT_CALL | RIGHT_TRANSFER, 0x123456789abcdef0);
    pid_t server = fork();

    if (!server) {
        serve(e);
        _exit(0);
    }
    expect_served(badged, 0x123456789abcdef0, 300);
    stop_server(e);
    EXPECT_EQ(waitpid(server, NULL, 0), server);
}

TEST(ipc, a_server_serves_many_clients)
{
    int e = new_endpoint();
    pid_t client[6];

    for (unsigned long i = 0; i < 6; i++) {
        int badged = (int)quire_call(handle_duplicate, e, RIGHT_CALL | RIGHT_TRANSFER, i + 1);
        client[i] = fork();
        if (!client[i]) {
            expect_served(badged, i + 1, 50);
            _exit(0);
        }
    }
    struct message m = {.info = 0};
    for (int calls = 0; calls < 6 * 50; calls++) {
        ASSERT_EQ(calls ? message_reply_receive(e, &m) : message_receive(e, &m), QUIRE_GOT_CALL);
        for (int w = 0; w < 5; w++)
            m.word[w]++;
        m.word[5] = m.badge;
    }
    EXPECT_EQ(message_reply(-1, &m), 0);
    for (int i = 0; i < 6; i++) {
        int status = -1;
        EXPECT_EQ(waitpid(client[i], &status, 0), client[i]);
        EXPECT_EQ(status, 0);
    }
}

/* A badge is between whoever gives a handle away and the server. */
TEST(ipc, a_client_does_not_learn_its_badge)
{
    int e = new_endpoint(), badged = (int)quire_call(handle_duplicate, e, RIGHT_CALL | RIGHT_TRANSFER, 4711),
        own = new_endpoint();
    struct message m = {.info = QUIRE_INFO_LIMIT_US(1)};

    EXPECT_EQ(message_call(badged, &m), -ETIMEDOUT);
    m = (struct message){.info = QUIRE_INFO_LIMIT_US(1)};
    EXPECT_EQ(message_receive(own, &m), -ETIMEDOUT);
    EXPECT_EQ(m.badge, 0);
}

/* --- sends ------------------------------------------------------------------------------------------ */
static void *send_words(void *endpoint)
{
    struct message m = {.word = {1, 2, 3, 4, 5, 6}};

    while (message_send((int)(long)endpoint, &m) == -EAGAIN)
        sched_yield();
    return NULL;
}

TEST(ipc, a_send_never_waits)
{
    int e = new_endpoint();
    struct message m = {.word = {1}};
    pthread_t t;

    EXPECT_EQ(message_send(e, &m), -EAGAIN);
    ASSERT_EQ(pthread_create(&t, NULL, send_words, (void *)(long)e), 0);
    EXPECT_EQ(message_receive(e, &m), QUIRE_GOT_SEND);
    EXPECT_EQ(m.word[5], 6);
    EXPECT_EQ(message_reply(-1, &m), -ESRCH); /* nobody waits for an answer */
    EXPECT_EQ(pthread_join(t, NULL), 0);
}

/* --- time limits ---------------------------------------------------------------------------------------- */
TEST(ipc, waits_end_when_their_time_is_over)
{
    int e = new_endpoint();
    long start = quire_call(clock);

    EXPECT_EQ(message_call(e, &(struct message){.info = QUIRE_INFO_LIMIT_US(2 * MS)}), -ETIMEDOUT);
    EXPECT(quire_call(clock) - start >= 2000000);
    EXPECT_EQ(message_receive(e, &(struct message){.info = QUIRE_INFO_LIMIT_US(2 * MS)}), -ETIMEDOUT);
    EXPECT_EQ(message_receive(e, &(struct message){.info = QUIRE_INFO_LIMIT_US(1)}), -ETIMEDOUT);
    EXPECT_EQ(message_send(e, &(struct message){.info = 0}), -EAGAIN); /* nothing is left in the queue */
}

TEST(ipc, a_late_reply_is_told_so)
{
    int e = new_endpoint();
    pid_t client = fork();

    if (!client) {
        struct message m = {.info = QUIRE_INFO_LIMIT_US(5 * MS), .word = {1}};
        long first = message_call(e, &m);
        m = (struct message){.word = {2}};
        long second = message_call(e, &m);
        _exit(first != -ETIMEDOUT || second != 0 || m.word[0] != 77);
    }
    struct message m = {.info = 0};
    ASSERT_EQ(message_receive(e, &m), QUIRE_GOT_CALL);
    quire_call(sleep, 10000000);
    m.word[0] = 66;
    EXPECT_EQ(message_reply(-1, &m), -ESRCH);
    ASSERT_EQ(message_receive(e, &m), QUIRE_GOT_CALL);
    EXPECT_EQ(m.word[0], 2);
    m.word[0] = 77;
    EXPECT_EQ(message_reply(-1, &m), 0);
    int status = -1;
    EXPECT_EQ(waitpid(client, &status, 0), client);
    EXPECT_EQ(status, 0);
}

/* --- partners that end ------------------------------------------------------------------------------------- */
TEST(ipc, a_server_that_dies_with_a_call_breaks_the_pipe)
{
    int e = new_endpoint();
    pid_t server = fork();

    if (!server) {
        message_receive(e, &(struct message){.info = 0});
        _exit(3);
    }
    EXPECT_EQ(message_call(e, &(struct message){.word = {1}}), -EPIPE);
    EXPECT_EQ(waitpid(server, NULL, 0), server);
}

TEST(ipc, a_receiver_that_goes_on_without_an_answer_breaks_the_pipe)
{
    int e = new_endpoint();
    pid_t server = fork();

    if (!server) {
        message_receive(e, &(struct message){.info = 0});
        message_receive(e, &(struct message){.info = 0});
        _exit(3);
    }
    EXPECT_EQ(message_call(e, &(struct message){.word = {1}}), -EPIPE);
    EXPECT_EQ(message_call(e, &(struct message){.word = {1}}), -EPIPE);
    EXPECT_EQ(waitpid(server, NULL, 0), server);
}

TEST(ipc, a_closed_endpoint_ends_the_calls_that_wait)
{
    int e = new_endpoint();
    pid_t client = fork();

    if (!client) {
        int only_call = (int)quire_call(handle_duplicate, e, RIGHT_CALL | RIGHT_TRANSFER, 0);
        close(e);
        long first = message_call(only_call, &(struct message){.word = {1}});
        long second = message_call(only_call, &(struct message){.word = {1}});
        _exit(first != -EPIPE || second != -EPIPE);
    }
    quire_call(sleep, 5000000);
    close(e);
    int status = -1;
    EXPECT_EQ(waitpid(client, &status, 0), client);
    EXPECT_EQ(status, 0);
}

static void *close_soon(void *endpoint)
{
    quire_call(sleep, 2000000);
    close((int)(long)endpoint);
    return NULL;
}

TEST(ipc, a_receiver_learns_that_its_endpoint_was_closed)
{
    int e = new_endpoint();
    pthread_t t;

    ASSERT_EQ(pthread_create(&t, NULL, close_soon, (void *)(long)e), 0);
    EXPECT_EQ(message_receive(e, &(struct message){.info = 0}), -EPIPE);
    EXPECT_EQ(pthread_join(t, NULL), 0);
}

static void *serve_until_closed(void *endpoint)
{
    struct message m = {.info = 0};
    long got = message_receive((int)(long)endpoint, &m);

    while (got == QUIRE_GOT_CALL)
        got = message_reply_receive((int)(long)endpoint, &m);
    return (void *)got;
}

/* It waits by the short cut: its kernel stack holds nothing. */
TEST(ipc, a_server_learns_that_its_endpoint_was_closed)
{
    int e = new_endpoint(), only_call = (int)quire_call(handle_duplicate, e, RIGHT_CALL | RIGHT_TRANSFER, 0);
    void *result;
    pthread_t t;

    ASSERT_EQ(pthread_create(&t, NULL, serve_until_closed, (void *)(long)e), 0);
    for (unsigned long i = 0; i < 10; i++)
        EXPECT_EQ(message_call(only_call, &(struct message){.word = {i}}), 0);
    close(e);
    EXPECT_EQ(pthread_join(t, &result), 0);
    EXPECT_EQ((long)result, -EPIPE);
}

/* Killed while its call waits in the queue, and while a server has it. */
TEST(ipc, a_caller_that_dies_leaves_nothing)
{
    int e = new_endpoint();
    struct message m = {.info = 0};

    for (int taken = 0; taken < 2; taken++) {
        pid_t client = fork();
        if (!client) {
            message_call(e, &(struct message){.word = {1}});
            _exit(3);
        }
        if (taken)
            ASSERT_EQ(message_receive(e, &m), QUIRE_GOT_CALL);
        else
            quire_call(sleep, 2000000);
        expect_killed(client);
        if (taken)
            EXPECT_EQ(message_reply(-1, &m), -ESRCH);
    }
    EXPECT_EQ(message_receive(e, &(struct message){.info = QUIRE_INFO_LIMIT_US(1)}), -ETIMEDOUT);
}

/* --- replies that wait ----------------------------------------------------------------------------------- */
static int call_in_child(int endpoint, unsigned long word, unsigned long want, pid_t *client)
{
    *client = fork();
    if (*client)
        return 0;
    struct message m = {.word = {word}};
    long result = message_call(endpoint, &m);
    _exit(want ? result || m.word[0] != want : result != -EPIPE);
}

TEST(ipc, calls_may_be_answered_in_any_order)
{
    int e = new_endpoint(), reply[3];
    struct message m = {.info = 0};
    pid_t client[3];

    EXPECT_CALL(-ESRCH, reply_save);
    for (unsigned long i = 0; i < 3; i++) {
        call_in_child(e, i + 1, i < 2 ? i + 101 : 0, &client[i]);
        ASSERT_EQ(message_receive(e, &m), QUIRE_GOT_CALL);
        reply[i] = (int)quire_call(reply_save);
        ASSERT(reply[i] >= 0);
    }
    EXPECT_EQ(message_reply(-1, &m), -ESRCH);
    for (int i = 1; i >= 0; i--) {
        m.word[0] = (unsigned long)i + 101;
        EXPECT_EQ(message_reply(reply[i], &m), 0);
        EXPECT_EQ(message_reply(reply[i], &m), -ESRCH);
        close(reply[i]);
    }
    close(reply[2]);
    for (int i = 0; i < 3; i++) {
        int status = -1;
        EXPECT_EQ(waitpid(client[i], &status, 0), client[i]);
        EXPECT_EQ(status, 0);
    }
}

TEST(ipc, a_duty_stays_if_there_is_no_room_for_its_handle)
{
    int e = new_endpoint(), status = -1;
    struct message m = {.info = 0};
    pid_t client;

    call_in_child(e, 1, 77, &client);
    ASSERT_EQ(message_receive(e, &m), QUIRE_GOT_CALL);
    while (quire_call(handle_duplicate, e, RIGHT_CALL, 0) >= 0)
        ;
    EXPECT_CALL(-EMFILE, reply_save);
    m.word[0] = 77;
    EXPECT_EQ(message_reply(-1, &m), 0);
    EXPECT_EQ(waitpid(client, &status, 0), client);
    EXPECT_EQ(status, 0);
}

/* --- handles in messages ------------------------------------------------------------------------------------ */
TEST(ipc, a_message_gives_handles_with_fewer_rights)
{
    int e = new_endpoint();
    pid_t client = fork();

    if (!client) {
        int memory = (int)quire_call(memory_create, PAGE),
            file = (int)quire_call(handle_duplicate, open("motd", O_RDONLY), RIGHT_READ, 0);
        char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
        p[0] = 'q';
        struct quire_extra extra = {.handle = {memory, file}, .rights = {RIGHT_READ | RIGHT_MAP | RIGHT_TRANSFER, 0}};
        struct message m = {.info = QUIRE_INFO_HANDLES(2), .extra = &extra};
        long without = message_call(e, &m); /* the file may not be passed on */
        m.info = QUIRE_INFO_HANDLES(1);
        _exit(without != -EACCES || message_call(e, &m) != 0 || p[0] != 'q');
    }
    struct quire_extra extra = {.window = 0};
    struct message m = {.extra = &extra};
    ASSERT_EQ(message_receive(e, &m), QUIRE_GOT_CALL);
    EXPECT_EQ(m.info, 1);
    ASSERT(extra.handle[0] >= 0);
    EXPECT_EQ(extra.rights[0], RIGHT_READ | RIGHT_MAP | RIGHT_TRANSFER);
    char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, extra.handle[0], 0);
    ASSERT(p != MAP_FAILED);
    EXPECT_EQ(p[0], 'q');
    EXPECT(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, extra.handle[0], 0) == MAP_FAILED);
    m.info = 0;
    EXPECT_EQ(message_reply(-1, &m), 0);
    int status = -1;
    EXPECT_EQ(waitpid(client, &status, 0), client);
    EXPECT_EQ(status, 0);
}

/* The only handle from which somebody could receive is on its way: the endpoint isn't closed meanwhile. */
TEST(ipc, an_endpoint_travels_in_a_reply)
{
    int e = new_endpoint();
    pid_t server = fork();

    if (!server) {
        struct message m = {.info = 0};
        message_receive(e, &m);
        int fresh = new_endpoint();
        m = (struct message){.info = QUIRE_INFO_HANDLES(1), .extra = &(struct quire_extra){.handle = {fresh}}};
        long result = message_reply(-1, &m);
        close(fresh);
        _exit(result != 0);
    }
    struct quire_extra extra = {.window = 0};
    struct message m = {.extra = &extra};
    ASSERT_EQ(message_call(e, &m), 0);
    EXPECT_EQ(m.info, 1);
    EXPECT_EQ(waitpid(server, NULL, 0), server);
    EXPECT_EQ(message_send(extra.handle[0], &(struct message){.word = {0}}), -EAGAIN); /* not -EPIPE */
}

TEST(ipc, handles_for_a_receiver_that_takes_none_are_closed)
{
    int e = new_endpoint();
    pid_t client = fork();

    if (!client) {
        struct quire_extra extra = {.handle = {new_endpoint()}};
        struct message m = {.info = QUIRE_INFO_HANDLES(1), .extra = &extra};
        _exit(message_call(e, &m) != 0);
    }
    struct message m = {.info = 0};
    ASSERT_EQ(message_receive(e, &m), QUIRE_GOT_CALL);
    EXPECT_EQ(m.info, 0);
    EXPECT_EQ(message_reply(-1, &m), 0);
    int status = -1;
    EXPECT_EQ(waitpid(client, &status, 0), client);
    EXPECT_EQ(status, 0);
}

/* --- windows ---------------------------------------------------------------------------------------------- */
TEST(ipc, a_server_reads_and_writes_its_callers_window)
{
    int e = new_endpoint();
    char *buffer = map_pages(4 * PAGE, PROT_READ | PROT_WRITE);
    pid_t client = fork();

    if (!client) {
        char *mine = map_pages(4 * PAGE, PROT_READ | PROT_WRITE);
        mine[100] = 'a', mine[2 * PAGE] = 'b';
        munmap(mine + 3 * PAGE, PAGE);
        struct quire_extra extra = {.window = (unsigned long)mine + 100, .window_bytes = 4 * PAGE,
                                    .window_rights = RIGHT_READ | RIGHT_WRITE};
        struct message m = {.info = QUIRE_INFO_WINDOW, .extra = &extra};
        long result = message_call(e, &m);
        _exit(result != 0 || mine[100] != 'x' || mine[2 * PAGE + 1] != 'y');
    }
    struct message m = {.info = 0};
    ASSERT_EQ(message_receive(e, &m), QUIRE_GOT_CALL);
    EXPECT_CALL(3 * PAGE - 100, window_read, -1, 0, buffer, 4 * PAGE); /* then the caller has no memory */
    EXPECT_EQ(buffer[0], 'a');
    EXPECT_EQ(buffer[2 * PAGE - 100], 'b');
    EXPECT_CALL(-EFAULT, window_read, -1, 3 * PAGE, buffer, 1);
    EXPECT_CALL(-EINVAL, window_read, -1, 4 * PAGE + 1, buffer, 1);
    EXPECT_CALL(0, window_read, -1, 4 * PAGE, buffer, 100);
    EXPECT_CALL(-EFAULT, window_write, -1, 0, (char *)0x1000, 8);
    EXPECT_CALL(1, window_write, -1, 0, "x", 1);
    EXPECT_CALL(1, window_write, -1, 2 * PAGE - 99, "y", 1);
    EXPECT_EQ(message_reply(-1, &m), 0);
    EXPECT_CALL(-ESRCH, window_read, -1, 0, buffer, 1);
    int status = -1;
    EXPECT_EQ(waitpid(client, &status, 0), client);
    EXPECT_EQ(status, 0);
}

TEST(ipc, a_window_gives_the_rights_that_it_says)
{
    int e = new_endpoint();
    pid_t client = fork();

    if (!client) {
        char byte = 'q';
        struct quire_extra extra = {.window = (unsigned long)&byte, .window_bytes = 1, .window_rights = RIGHT_READ};
        struct message m = {.info = QUIRE_INFO_WINDOW, .extra = &extra};
        long first = message_call(e, &m);
        extra.window_rights = 0;
        m.info = QUIRE_INFO_WINDOW;
        long second = message_call(e, &m);
        extra = (struct quire_extra){.window = ~0ul - 4096, .window_bytes = PAGE, .window_rights = RIGHT_READ};
        m.info = QUIRE_INFO_WINDOW;
        _exit(first != 0 || byte != 'q' || second != -EINVAL || message_call(e, &m) != -EFAULT);
    }
    struct message m = {.info = 0};
    char byte = 0;
    ASSERT_EQ(message_receive(e, &m), QUIRE_GOT_CALL);
    EXPECT_CALL(1, window_read, -1, 0, &byte, 1);
    EXPECT_EQ(byte, 'q');
    EXPECT_CALL(-EACCES, window_write, -1, 0, &byte, 1);
    int saved = (int)quire_call(reply_save);
    EXPECT_CALL(-ESRCH, window_read, -1, 0, &byte, 1);
    EXPECT_CALL(1, window_read, saved, 0, &byte, 1);
    EXPECT_EQ(message_reply(saved, &m), 0);
    EXPECT_CALL(-ESRCH, window_read, saved, 0, &byte, 1);
    int status = -1;
    EXPECT_EQ(waitpid(client, &status, 0), client);
    EXPECT_EQ(status, 0);
}

/* A read of such memory finds the page of zeros, which belongs to no folio. */
TEST(ipc, a_window_may_show_memory_that_was_never_written)
{
    int e = new_endpoint(), status = -1;
    char *buffer = map_pages(2 * PAGE, PROT_READ | PROT_WRITE);
    pid_t client = fork();

    if (!client) {
        char *mine = map_pages(64 * PAGE, PROT_READ | PROT_WRITE);
        struct quire_extra extra = {.window = (unsigned long)mine, .window_bytes = 64 * PAGE,
                                    .window_rights = RIGHT_READ | RIGHT_WRITE};
        struct message m = {.info = QUIRE_INFO_WINDOW, .extra = &extra};
        _exit(message_call(e, &m) != 0 || mine[5] != 'x' || mine[6]);
    }
    struct message m = {.info = 0};
    ASSERT_EQ(message_receive(e, &m), QUIRE_GOT_CALL);
    memset(buffer, 1, 2 * PAGE);
    EXPECT_CALL(2 * PAGE, window_read, -1, 0, buffer, 2 * PAGE);
    EXPECT(!buffer[0] && !memcmp(buffer, buffer + 1, 2 * PAGE - 1));
    EXPECT_CALL(1, window_write, -1, 5, "x", 1);
    EXPECT_CALL(8, window_read, -1, 0, buffer, 8);
    EXPECT_EQ(buffer[5], 'x');
    EXPECT_EQ(message_reply(-1, &m), 0);
    EXPECT_EQ(waitpid(client, &status, 0), client);
    EXPECT_EQ(status, 0);
}

TEST(ipc, a_dead_caller_gives_its_window_back_at_once)
{
    int e = new_endpoint();
    struct quire_memory before, after;
    char byte;
    pid_t client = fork();

    if (!client) {
        char *mine = map_pages(8 * MIB, PROT_READ | PROT_WRITE);
        memset(mine, 1, 8 * MIB);
        struct quire_extra extra = {.window = (unsigned long)mine, .window_bytes = 8 * MIB,
                                    .window_rights = RIGHT_READ};
        struct message m = {.info = QUIRE_INFO_WINDOW, .extra = &extra};
        message_call(e, &m);
        _exit(3);
    }
    struct message m = {.info = 0};
    ASSERT_EQ(message_receive(e, &m), QUIRE_GOT_CALL);
    EXPECT_CALL(1, window_read, -1, 0, &byte, 1);
    quire_call(memory_info, &before);
    expect_killed(client);
    quire_call(memory_info, &after);
    EXPECT(after.free_frames > before.free_frames + 7 * MIB / PAGE);
    EXPECT_CALL(-ESRCH, window_read, -1, 0, &byte, 1);
    EXPECT_EQ(message_reply(-1, &m), -ESRCH);
}

/* --- notifications ------------------------------------------------------------------------------------------- */
static int notification;

static void *signal_soon(void *bits)
{
    quire_call(sleep, 2000000);
    quire_call(signal, notification, bits);
    return NULL;
}

TEST(ipc, signals_are_or_ed_and_wait_for_a_waiter)
{
    unsigned long bits = 99;
    pthread_t t;

    notification = new_notification();
    EXPECT_CALL(0, signal, notification, 1);
    EXPECT_CALL(0, signal, notification, 6);
    EXPECT_EQ(notification_wait(notification, 3, 0, &bits), 0);
    EXPECT_EQ(bits, 3);
    EXPECT_EQ(notification_wait(notification, 3, QUIRE_INFO_LIMIT_US(1), &bits), -ETIMEDOUT);
    EXPECT_EQ(notification_wait(notification, ~0ul, 0, &bits), 0);
    EXPECT_EQ(bits, 4);
    ASSERT_EQ(pthread_create(&t, NULL, signal_soon, (void *)8), 0);
    EXPECT_EQ(notification_wait(notification, 8, 0, &bits), 0);
    EXPECT_EQ(bits, 8);
    EXPECT_EQ(pthread_join(t, NULL), 0);
}

TEST(ipc, signals_come_with_messages_if_the_notification_is_bound)
{
    int e = new_endpoint();
    pthread_t t;
    struct message m = {.info = 0};

    notification = new_notification();
    EXPECT_CALL(0, signal, notification, 1);
    EXPECT_CALL(0, notification_bind, notification, e);
    EXPECT_CALL(-EBUSY, notification_bind, notification, e);
    EXPECT_EQ(message_receive(e, &m), QUIRE_GOT_SIGNAL);
    EXPECT_EQ(m.word[0], 1);
    ASSERT_EQ(pthread_create(&t, NULL, signal_soon, (void *)16), 0);
    EXPECT_EQ(message_receive(e, &m), QUIRE_GOT_SIGNAL);
    EXPECT_EQ(m.word[0], 16);
    EXPECT_EQ(pthread_join(t, NULL), 0);
    close(e);
    EXPECT_CALL(0, signal, notification, 1);
}
