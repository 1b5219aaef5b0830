/* SPDX-License-Identifier: MIT */
/*
 * What faults and longer messages cost, in guest instructions as in bench.c: each result is a line "bench KEY VALUE".
 * Client and server are processes of one CPU, and take turns.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <quire/message.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("", "measures faults, windows and the long way of messages, in guest instructions");

#define CALLS 2000
#define WINDOW 4096ul

static long now(void) { return quire_call(clock); }

static void print(const char *key, long total)
{
    long hundredths = total * 100 / CALLS;
    printf("bench %s %ld.%02ld\n", key, hundredths / 100, hundredths % 100);
}

static long check(long result, const char *what)
{
    if (result < 0) {
        printf("bench_ipc: %s: %s\n", what, strerror((int)-result));
        exit(1);
    }
    return result;
}

/* --- faults ---------------------------------------------------------------------------------------- */
/* A copy of this process that does nothing but read where no memory is mapped. */
static volatile char *volatile nowhere = (volatile char *)16;

static long start_faulting(int endpoint)
{
    struct quire_start start = {.nr_same = QUIRE_HANDLES_MAX};
    long process = check(quire_call(process_clone), "process_clone");

    while (process == QUIRE_IN_CHILD)
        (void)*nowhere;
    check(quire_call(process_faults, process, endpoint, 0), "process_faults");
    check(quire_call(process_start, process, &start), "process_start");
    return process;
}

/* Each answer lets the thread go on where it stands, so the same instruction faults again. */
static void bench_fault_round_trip(int endpoint, struct message *m)
{
    long start = now();

    for (int i = 0; i < CALLS; i++) {
        *m = (struct message){.word = {QUIRE_FAULT_RESUME}};
        check(message_reply_receive(endpoint, m), "next fault");
    }
    print("fault_round_trip", now() - start);
}

/* The faulting thread waits meanwhile. */
static void bench_fault_registers(void)
{
    static struct quire_registers r;
    long start = now();

    for (int i = 0; i < CALLS; i++) {
        check(quire_call(fault_registers, -1, &r, 0), "reading registers");
        check(quire_call(fault_registers, -1, &r, 1), "writing registers");
    }
    print("fault_registers", now() - start);
}

static void bench_faults(void)
{
    int endpoint = (int)check(quire_call(endpoint_create), "endpoint_create");
    struct message m = {.info = 0};
    long process = start_faulting(endpoint);

    check(message_receive(endpoint, &m), "first fault");
    bench_fault_round_trip(endpoint, &m);
    bench_fault_registers();
    quire_call(kill, process);
    close((int)process);
    close(endpoint);
}

/* --- messages -------------------------------------------------------------------------------------- */
static char memory[WINDOW] __attribute__((aligned(4096)));

/* Answers until word 0 is 0. Word 1: so many bytes of the window are copied before the answer. */
static void answer_all(int endpoint)
{
    struct quire_extra extra = {.window = 0};
    struct message m = {.extra = &extra};

    check(message_receive(endpoint, &m), "receive");
    while (m.word[0]) {
        if (m.word[1] && quire_call(window_read, -1, 0, memory, m.word[1]) != (long)m.word[1])
            m.word[0] = 0; /* the client sees it */
        m.info = 0;
        m.extra = &extra;
        check(message_reply_receive(endpoint, &m), "receive");
    }
    m.info = 0;
    message_reply(-1, &m);
    _exit(0);
}

/* CALLS round trips of calls as `first`. */
static long round_trips(int endpoint, const struct message *first)
{
    long start = 0;

    for (int i = -2; i < CALLS; i++) { /* before the first that counts, the server waits, and its pages are there */
        struct message m = *first;
        if (i == 0)
            start = now();
        check(message_call(endpoint, &m), "call");
        if (!m.word[0])
            check(-EIO, "the server could not copy");
    }
    return now() - start;
}

/* Rows: a window of 4 KiB without the bare copy of its bytes; a call with a time limit, which takes the long way. */
static void bench_messages(int endpoint)
{
    struct quire_extra extra = {
        .window = (unsigned long)memory, .window_bytes = WINDOW, .window_rights = RIGHT_READ};
    struct message window = {.word = {1, WINDOW}, .info = QUIRE_INFO_WINDOW, .extra = &extra};
    struct message limit = {.word = {1}, .info = QUIRE_INFO_LIMIT_US(1000000ul)};

    memset(memory, 1, sizeof(memory));
    print("ipc_window_4k", round_trips(endpoint, &window) - CALLS * quire_call(counter, COUNTER_BENCH_COPY));
    print("ipc_slow_path", round_trips(endpoint, &limit));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        usage();
    bench_faults();
    int endpoint = (int)check(quire_call(endpoint_create), "endpoint_create");
    if (fork() == 0)
        answer_all(endpoint);
    bench_messages(endpoint);
    struct message last = {.word = {0}};
    message_call(endpoint, &last);
    wait(NULL);
    return 0;
}
