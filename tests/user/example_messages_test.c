/* SPDX-License-Identifier: MIT */
/*
 * One example for each system call on handles, messages and notifications: what stands in a body here is the example of
 * the page docs/system-calls.md.
 */
#include "child.h"
#include <quire/message.h>
#include <quire/thread.h>

/* --- handles -------------------------------------------------------------------------------------- */
TEST(example, handle_duplicate)
{
    long endpoint = quire_call(endpoint_create);
    long client = quire_call(handle_duplicate, endpoint, RIGHT_CALL | RIGHT_TRANSFER, 7);

    EXPECT(client >= 0); /* a program that gets this handle can call, and the server sees the badge 7 */
    EXPECT_EQ(quire_call(handle_duplicate, client, RIGHT_RECEIVE, 0), -EACCES);
}

TEST(example, close)
{
    long endpoint = quire_call(endpoint_create);

    EXPECT_EQ(quire_call(close, endpoint), 0);
    EXPECT_EQ(quire_call(close, endpoint), -EBADF);
}

/* --- messages ------------------------------------------------------------------------------------- */
/* A server in a thread of its own: it doubles word 0, until that is 0. */
static void serve(void *endpoint)
{
    struct message m = {.info = 0};
    long got = message_receive((int)(long)endpoint, &m);

    while (got == QUIRE_GOT_CALL && m.word[0]) {
        m = (struct message){.word = {2 * m.word[0]}};
        got = message_reply_receive((int)(long)endpoint, &m);
    }
    message_reply(-1, &m);
}

TEST(example, endpoint_create)
{
    long endpoint = quire_call(endpoint_create);
    struct message m = {.word = {1}};

    ASSERT(endpoint >= 0);
    EXPECT_EQ(message_send((int)endpoint, &m), -EAGAIN); /* nobody receives there yet */
}

TEST(example, call)
{
    long endpoint = quire_call(endpoint_create);
    struct message m = {.word = {21}};
    struct thread server;

    ASSERT_EQ(thread_start(&server, serve, (void *)endpoint), 0);
    EXPECT_EQ(message_call((int)endpoint, &m), 0);
    EXPECT_EQ(m.word[0], 42);
    m = (struct message){.word = {0}}; /* the server ends */
    EXPECT_EQ(message_call((int)endpoint, &m), 0);
    thread_join(&server);
}

TEST(example, reply_receive)
{
    long endpoint = quire_call(endpoint_create);
    struct message m = {.info = QUIRE_INFO_LIMIT_US(1000)};

    /* Nothing is to be answered yet, so this only receives: for a millisecond at most. serve() has the usual loop. */
    EXPECT_EQ(message_reply_receive((int)endpoint, &m), -ETIMEDOUT);
}

static void receive_one(void *endpoint)
{
    struct message m = {.info = 0};

    EXPECT_EQ(message_receive((int)(long)endpoint, &m), QUIRE_GOT_SEND);
    EXPECT_EQ(m.word[0], 5);
}

TEST(example, send)
{
    long endpoint = quire_call(endpoint_create);
    struct message m = {.word = {5}};
    struct thread receiver;
    long result;

    ASSERT_EQ(thread_start(&receiver, receive_one, (void *)endpoint), 0);
    while ((result = message_send((int)endpoint, &m)) == -EAGAIN)
        quire_call(yield); /* it doesn't wait for a message yet */
    EXPECT_EQ(result, 0);
    thread_join(&receiver);
}

TEST(example, receive)
{
    long endpoint = quire_call(endpoint_create);
    struct message m = {.info = QUIRE_INFO_LIMIT_US(1000)};

    EXPECT_EQ(message_receive((int)endpoint, &m), -ETIMEDOUT);
    long client = quire_call(handle_duplicate, endpoint, RIGHT_CALL, 0);
    m = (struct message){.info = QUIRE_INFO_LIMIT_US(1000)};
    EXPECT_EQ(message_receive((int)client, &m), -EACCES);
}

/* Calls, and wants twice its word. */
static void call_once(void *endpoint)
{
    struct message m = {.word = {4}};

    EXPECT_EQ(message_call((int)(long)endpoint, &m), 0);
    EXPECT_EQ(m.word[0], 8);
}

TEST(example, reply)
{
    long endpoint = quire_call(endpoint_create);
    struct message m = {.info = 0};
    struct thread client;

    ASSERT_EQ(thread_start(&client, call_once, (void *)endpoint), 0);
    EXPECT_EQ(message_receive((int)endpoint, &m), QUIRE_GOT_CALL);
    m = (struct message){.word = {2 * m.word[0]}};
    EXPECT_EQ(message_reply(-1, &m), 0);
    EXPECT_EQ(message_reply(-1, &m), -ESRCH); /* it is answered */
    thread_join(&client);
}

TEST(example, reply_save)
{
    long endpoint = quire_call(endpoint_create);
    struct message m = {.info = 0};
    struct thread client;

    ASSERT_EQ(thread_start(&client, call_once, (void *)endpoint), 0);
    EXPECT_EQ(message_receive((int)endpoint, &m), QUIRE_GOT_CALL);
    long reply = quire_call(reply_save);
    ASSERT(reply >= 0); /* now the thread could receive other calls, and any thread could answer this one */
    m = (struct message){.word = {8}};
    EXPECT_EQ(message_reply((int)reply, &m), 0);
    EXPECT_EQ(quire_call(close, reply), 0);
    thread_join(&client);
}

/* Calls with a window of 6 bytes, which the server may read and write. */
static void call_with_window(void *endpoint)
{
    char text[] = "window";
    struct quire_extra extra = {.window = (unsigned long)text, .window_bytes = 6,
                                .window_rights = RIGHT_READ | RIGHT_WRITE};
    struct message m = {.info = QUIRE_INFO_WINDOW, .extra = &extra};

    EXPECT_EQ(message_call((int)(long)endpoint, &m), 0);
    EXPECT_EQ(strncmp(text, "win", 3), 0);
}

TEST(example, window_read)
{
    long endpoint = quire_call(endpoint_create);
    struct message m = {.info = 0};
    struct thread client;
    char bytes[10];

    ASSERT_EQ(thread_start(&client, call_with_window, (void *)endpoint), 0);
    EXPECT_EQ(message_receive((int)endpoint, &m), QUIRE_GOT_CALL);
    EXPECT_EQ(quire_call(window_read, -1, 3, bytes, sizeof(bytes)), 3); /* the window ends there */
    EXPECT_EQ(memcmp(bytes, "dow", 3), 0);
    EXPECT_EQ(message_reply(-1, &m), 0);
    thread_join(&client);
}

TEST(example, window_write)
{
    long endpoint = quire_call(endpoint_create);
    struct message m = {.info = 0};
    struct thread client;

    ASSERT_EQ(thread_start(&client, call_with_window, (void *)endpoint), 0);
    EXPECT_EQ(message_receive((int)endpoint, &m), QUIRE_GOT_CALL);
    EXPECT_EQ(quire_call(window_write, -1, 3, "ter", 3), 3); /* the client's text is "winter" now */
    EXPECT_EQ(message_reply(-1, &m), 0);
    EXPECT_EQ(quire_call(window_write, -1, 3, "ter", 3), -ESRCH);
    thread_join(&client);
}

/* --- notifications -------------------------------------------------------------------------------- */
TEST(example, notification_create)
{
    long notification = quire_call(notification_create);

    ASSERT(notification >= 0);
    EXPECT_EQ(quire_call(close, notification), 0);
}

TEST(example, signal)
{
    long notification = quire_call(notification_create);
    unsigned long bits;

    EXPECT_EQ(quire_call(signal, notification, 1), 0);
    EXPECT_EQ(quire_call(signal, notification, 4), 0); /* nobody waits: the bits stay */
    EXPECT_EQ(notification_wait(notification, ~0ul, 0, &bits), 0);
    EXPECT_EQ(bits, 5);
}

TEST(example, notification_wait)
{
    long notification = quire_call(notification_create);
    unsigned long bits;

    EXPECT_EQ(quire_call(signal, notification, 6), 0);
    EXPECT_EQ(notification_wait(notification, 2, 0, &bits), 0);
    EXPECT_EQ(bits, 2); /* bit 4 stays for somebody else */
    EXPECT_EQ(notification_wait(notification, 2, QUIRE_INFO_LIMIT_US(1000), &bits), -ETIMEDOUT);
}

TEST(example, notification_bind)
{
    long endpoint = quire_call(endpoint_create), notification = quire_call(notification_create);
    struct message m = {.info = 0};

    EXPECT_EQ(quire_call(notification_bind, notification, endpoint), 0);
    EXPECT_EQ(quire_call(signal, notification, 3), 0);
    EXPECT_EQ(message_receive((int)endpoint, &m), QUIRE_GOT_SIGNAL);
    EXPECT_EQ(m.word[0], 3);
}

TEST(example, timer_signal)
{
    long notification = quire_call(notification_create), now = quire_call(clock);
    unsigned long bits;

    EXPECT_EQ(quire_call(timer_signal, notification, 1, now + 1000000000), 0);
    EXPECT_EQ(quire_call(timer_signal, notification, 2, now + 1000000), 1); /* instead of the second: a millisecond */
    EXPECT_EQ(notification_wait(notification, ~0ul, 0, &bits), 0);
    EXPECT_EQ(bits, 2);
    EXPECT(quire_call(clock) >= now + 1000000);
}
