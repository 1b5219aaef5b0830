/* SPDX-License-Identifier: MIT */
/*
 * Messages on several CPUs, in guest instructions of all CPUs together: each result is a line "bench KEY VALUE". A CPU
 * that waits for an interrupt makes none; one that spins does. docs/performance.md says what the figures mean.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <quire/message.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("", "measures messages between CPUs and on several CPUs at once, in guest instructions");

#define CALLS 2000
#define PAIRS_MAX 8

/* Shared by all processes. Words that clients wait for; a page of its own for each, so that they share nothing else. */
static struct shared {
    struct {
        uint32_t value;
        char rest[4096 - sizeof(uint32_t)];
    } ready, begin, done;
} *shared;

static long now(void) { return quire_call(clock); }

static void print(const char *key, long total, long operations)
{
    long hundredths = total * 100 / operations;
    printf("bench %s %ld.%02ld\n", key, hundredths / 100, hundredths % 100);
}

static void add_one(uint32_t *word)
{
    __atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
    quire_call(futex_wake, word, ~0ul);
}

static void await(const uint32_t *word, uint32_t value)
{
    uint32_t seen;

    while ((seen = __atomic_load_n(word, __ATOMIC_SEQ_CST)) != value)
        quire_call(futex_wait, word, seen, 0);
}

static void answer_all(int endpoint, long cpu)
{
    struct message m = {.info = 0};

    quire_call(cpu_pin, cpu);
    message_receive(endpoint, &m);
    while (m.word[0]) {
        m.info = 0;
        message_reply_receive(endpoint, &m);
    }
    m.info = 0;
    message_reply(-1, &m);
    _exit(0);
}

/* A client on this CPU with a server on that one. It says that it is ready, waits for the beginning, and calls. */
static void run_pair(long client_cpu, long server_cpu)
{
    int endpoint = (int)quire_call(endpoint_create);
    struct message m = {.word = {1, 2, 3, 4, 5, 6}};

    if (fork() == 0)
        answer_all(endpoint, server_cpu);
    quire_call(cpu_pin, client_cpu);
    message_call(endpoint, &m);
    message_call(endpoint, &m); /* from now on the server waits */
    add_one(&shared->ready.value);
    await(&shared->begin.value, 1);
    for (int i = 0; i < CALLS; i++)
        message_call(endpoint, &m);
    add_one(&shared->done.value);
    m.word[0] = 0;
    await(&shared->begin.value, 2);
    message_call(endpoint, &m);
    wait(NULL);
    _exit(m.word[0] != 0);
}

/* The cost of CALLS round trips of each of `pairs` pairs; pair number i runs on CPU i, its server `apart` CPUs on. */
static void bench_pairs(const char *key, unsigned pairs, long apart)
{
    memset(shared, 0, sizeof(*shared));
    for (unsigned i = 0; i < pairs; i++)
        if (fork() == 0)
            run_pair(i, i + apart);
    await(&shared->ready.value, pairs);
    quire_call(sleep, 1000000);
    long start = now();
    add_one(&shared->begin.value);
    await(&shared->done.value, pairs);
    print(key, now() - start, (long)pairs * CALLS);
    add_one(&shared->begin.value);
    while (wait(NULL) >= 0)
        ;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *key;
        unsigned pairs;
    } rows[] = {{"ipc_pairs_1", 1}, {"ipc_pairs_2", 2}, {"ipc_pairs_4", 4}, {"ipc_pairs_8", PAIRS_MAX}};

    (void)argv;
    if (argc > 1)
        usage();
    if (quire_call(cpu_pin, PAIRS_MAX - 1) < 0) {
        printf("bench_cpus: it needs %d CPUs\n", PAIRS_MAX);
        return 1;
    }
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("bench_cpus: mmap");
        return 1;
    }
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        bench_pairs(rows[i].key, rows[i].pairs, 0);
    bench_pairs("ipc_cross_cpu", 1, 1);
    return 0;
}
