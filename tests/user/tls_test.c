/* SPDX-License-Identifier: MIT */
/* The word for thread-local storage belongs to a thread: over switches, messages, moves to other CPUs, and forks. */
#include "threads.h"
#include <quire/message.h>
#include <quire/thread_pointer.h>

#define ROUNDS 100
#define WORD(n) (0x123456789abcdef0ul + 0x0101010101010101ul * (unsigned long)(n))

static int endpoint;

static void expect_word(unsigned long want, const char *when)
{
    if (thread_pointer() != want)
        test_fail(__FILE__, __LINE__, "%s: expected 0x%lx, seen 0x%lx", when, want, thread_pointer());
}

static void *keep_word(void *number)
{
    unsigned long word = WORD(number);

    expect_word(0, "in a new thread");
    thread_pointer_set(word);
    for (int i = 0; i < ROUNDS; i++) {
        quire_call(nop);
        expect_word(word, "after a system call");
        sched_yield();
        expect_word(word, "after a yield");
        quire_call(cpu_pin, (i + (long)number) % 4); /* -EINVAL where there are fewer CPUs */
        expect_word(word, "on another CPU");
        quire_call(cpu_pin, -1);
        if (i % 8 == 0)
            usleep(50);
        expect_word(word, "after a sleep");
    }
    return NULL;
}

TEST(tls, each_thread_keeps_its_word)
{
    pthread_t t[NR];

    thread_pointer_set(WORD(99));
    start(t, NR, keep_word);
    join(t, NR);
    expect_word(WORD(99), "in the first thread");
}

static void *serve(void *unused)
{
    struct message m = {.info = 0};

    thread_pointer_set(WORD(7));
    for (long got = message_receive(endpoint, &m); got == QUIRE_GOT_CALL && m.word[0];
         got = message_reply_receive(endpoint, &m))
        expect_word(WORD(7), "in a server");
    message_reply(-1, &m);
    return unused;
}

static void call_often(unsigned long word)
{
    thread_pointer_set(word);
    for (int i = 0; i < ROUNDS; i++) {
        EXPECT_EQ(message_call(endpoint, &(struct message){.word = {1}}), 0);
        expect_word(word, "in a caller");
    }
}

TEST(tls, callers_and_servers_keep_their_words)
{
    pthread_t server;

    endpoint = (int)quire_call(endpoint_create);
    start(&server, 1, serve);
    EXPECT_EQ(IN_CHILD(call_often(WORD(8))), 0);
    call_often(WORD(9));
    message_call(endpoint, &(struct message){.word = {0}});
    join(&server, 1);
    expect_word(WORD(9), "after all");
}

TEST(tls, a_copy_has_the_same_word)
{
    thread_pointer_set(WORD(5));
    EXPECT_EQ(IN_CHILD(_exit(thread_pointer() != WORD(5))), 0);
    expect_word(WORD(5), "in the parent");
}
