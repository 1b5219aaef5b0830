/* SPDX-License-Identifier: MIT */
/*
 * Priorities of programs' threads, and what callers lend to servers. Everything happens on one CPU: a server that is
 * less urgent than a thread that spins gets nowhere, unless a more urgent caller waits for it.
 */
#include "threads.h"
#include <quire/loader.h>
#include <quire/message.h>
#include <quire/process.h>

#define LOW    1
#define MIDDLE 3
#define HIGH   5
#define TOP    6
#define MS     1000ul /* in microseconds */
#define CHAIN  3

/* --- priorities of threads ---------------------------------------------------------------------------- */
static long set_priority(long thread, long priority) { return quire_call(thread_priority, thread, priority); }

TEST(priority, a_thread_gets_no_more_than_its_process_may)
{
    EXPECT_EQ(set_priority(0, 0), QUIRE_PRIORITY_FIRST);
    EXPECT_EQ(set_priority(0, QUIRE_PRIORITY_MAX + 1), -EPERM);
    EXPECT_EQ(set_priority(0, -1), -EPERM);
    EXPECT_EQ(set_priority(0, QUIRE_PRIORITY_MAX), QUIRE_PRIORITY_FIRST);
    EXPECT_EQ(set_priority(0, 2), QUIRE_PRIORITY_MAX);
    EXPECT_EQ(set_priority(123456789, 2), -ESRCH);
    EXPECT_EQ(IN_CHILD(_exit(set_priority(0, 0) != 2)), 0); /* a copy begins with what its maker has */
}

/* The status of bin/priority with this ceiling; what spawn says if it refuses. */
static int run_with_ceiling(char *const argv[], unsigned ceiling)
{
    struct quire_start start;
    int status = 0;
    long child = program_load("bin/priority", argv, ceiling, &start);

    if (child < 0)
        return (int)child;
    EXPECT_CALL(0, process_start, child, &start);
    EXPECT_EQ(process_wait(child, &status), 0);
    quire_call(close, child);
    return WEXITSTATUS(status);
}

TEST(priority, who_spawns_gives_at_most_its_own_ceiling)
{
    char *alone[] = {"priority", NULL}, *with_two[] = {"priority", "2", "bin/priority", NULL};

    EXPECT_EQ(run_with_ceiling(alone, 0), QUIRE_PRIORITY_MAX);
    EXPECT_EQ(run_with_ceiling(alone, 2), 2);
    EXPECT_EQ(run_with_ceiling(alone, QUIRE_PRIORITY_MAX + 1), -EPERM);
    EXPECT_EQ(run_with_ceiling(with_two, 1), 127); /* can't give 2 itself */
}

/* --- a chain of servers ------------------------------------------------------------------------------- */
/* Server 0 calls server 1, and so on; the last one spins until `enough`. */
static int endpoint[CHAIN];
static int ready, working, enough, stop;
static unsigned long worked, spun;

static void begin(long priority)
{
    quire_call(cpu_pin, 0);
    ASSERT(set_priority(0, priority) >= 0);
    ADD(ready, 1);
}

static void *serve(void *number)
{
    long i = (long)number;
    struct message m = {.info = 0};

    begin(LOW);
    for (long got = message_receive(endpoint[i], &m); m.word[0]; got = message_reply_receive(endpoint[i], &m)) {
        ASSERT_EQ(got, QUIRE_GOT_CALL);
        if (i + 1 < CHAIN && m.word[0] == 1)
            message_call(endpoint[i + 1], &(struct message){.word = {1}});
        STORE(working, 1);
        while (m.word[0] == 1 && !LOAD(enough))
            ADD(worked, 1);
        m.info = 0;
    }
    message_reply(-1, &m);
    return NULL;
}

static void *call_once(void *word)
{
    begin(LOW);
    return (void *)message_call(endpoint[0], &(struct message){.word = {(unsigned long)word}});
}

static void *spin(void *unused)
{
    begin(MIDDLE);
    while (!LOAD(stop))
        ADD(spun, 1);
    return unused;
}

static pthread_t servers[CHAIN], caller, spinner;

static void start_one(pthread_t *t, void *(*function)(void *), long argument)
{
    int before = LOAD(ready);

    ASSERT_EQ(pthread_create(t, NULL, function, (void *)argument), 0);
    while (LOAD(ready) == before)
        usleep(100);
}

static void start_servers(void)
{
    begin(TOP);
    for (long i = 0; i < CHAIN; i++) {
        endpoint[i] = (int)quire_call(endpoint_create);
        start_one(&servers[i], serve, i);
    }
    usleep(MS);
}

/* Now the last server works for a caller with a low priority, and gets nowhere because of a thread that spins. */
static void start_chain(void)
{
    start_servers();
    start_one(&caller, call_once, 1);
    while (!LOAD(worked))
        usleep(100);
    start_one(&spinner, spin, 0);
}

static void end_chain(void)
{
    STORE(enough, 1);
    STORE(stop, 1);
    EXPECT_EQ(pthread_join(spinner, NULL), 0);
    if (caller)
        EXPECT_EQ(pthread_join(caller, NULL), 0);
    for (int i = 0; i < CHAIN; i++) {
        message_call(endpoint[i], &(struct message){.word = {0}});
        EXPECT_EQ(pthread_join(servers[i], NULL), 0);
    }
}

/* While this thread sleeps, who gets on: the server at the end of the chain, or the thread that spins? */
static void expect_server_works(int does, const char *when)
{
    unsigned long server_before = LOAD(worked), spinner_before = LOAD(spun);

    usleep(2 * MS);
    unsigned long server = LOAD(worked) - server_before, spinner = LOAD(spun) - spinner_before;
    if ((does ? spinner : server) > 0 || (does ? server : spinner) == 0)
        test_fail(__FILE__, __LINE__,
                  "%s: expected that the %s gets on; in 2 ms the server made %lu steps, the spinner %lu", when,
                  does ? "server" : "spinner", server, spinner);
}

static void *call_urgently(void *us)
{
    begin(HIGH);
    return (void *)message_call(endpoint[0], &(struct message){.word = {2}, .info = QUIRE_INFO_LIMIT_US((long)us)});
}

TEST(priority, a_caller_in_a_queue_lends_its_priority_along_the_chain)
{
    pthread_t urgent;
    void *result;

    start_chain();
    expect_server_works(0, "before an urgent call");
    start_one(&urgent, call_urgently, 0);
    usleep(100);
    expect_server_works(1, "while an urgent caller waits in the queue");
    STORE(enough, 1);
    EXPECT_EQ(pthread_join(urgent, &result), 0); /* although the spinner spins */
    EXPECT_EQ((long)result, 0);
    end_chain();
}

TEST(priority, a_call_that_times_out_takes_its_priority_back)
{
    pthread_t urgent;
    void *result;

    start_chain();
    start_one(&urgent, call_urgently, 4 * MS);
    usleep(100);
    expect_server_works(1, "while an urgent caller waits in the queue");
    EXPECT_EQ(pthread_join(urgent, &result), 0);
    EXPECT_EQ((long)result, -ETIMEDOUT);
    expect_server_works(0, "after the urgent call's time was over");
    end_chain();
}

static void *call_directly(void *us)
{
    begin(HIGH);
    return (void *)message_call(endpoint[0], &(struct message){.word = {1}, .info = QUIRE_INFO_LIMIT_US((long)us)});
}

TEST(priority, a_call_that_a_server_has_taken_lends_along_the_chain_and_takes_it_back)
{
    pthread_t urgent;
    void *result;

    start_servers();
    start_one(&spinner, spin, 0);
    start_one(&urgent, call_directly, 10 * MS);
    usleep(MS);
    expect_server_works(1, "while an urgent caller's call is served");
    EXPECT_EQ(pthread_join(urgent, &result), 0);
    EXPECT_EQ((long)result, -ETIMEDOUT);
    expect_server_works(0, "after the urgent call's time was over");
    end_chain();
}

static pid_t urgent_process;

TEST(priority, a_caller_that_dies_takes_its_priority_back)
{
    int *begins = (int *)(void *)map_shared(4096);

    start_chain();
    urgent_process = fork();
    if (urgent_process == 0) {
        begin(HIGH);
        STORE(*begins, 1);
        call_urgently(0);
        _exit(1);
    }
    while (!LOAD(*begins))
        usleep(100);
    usleep(MS);
    expect_server_works(1, "while an urgent caller waits in the queue");
    expect_killed(urgent_process);
    expect_server_works(0, "after the urgent caller was killed");
    end_chain();
}

/* A thread whose number in the kernel the test knows. */
static char stack[16384] __attribute__((aligned(16)));
static int raw_has_ended;

static void raw_thread(void)
{
    call_once((void *)1);
    STORE(raw_has_ended, 1);
    for (;;)
        quire_call(thread_exit);
}

TEST(priority, another_priority_of_a_caller_that_waits_goes_along_the_chain)
{
    start_servers();
    long caller_id = quire_call(thread_create, raw_thread, stack + sizeof(stack) - 256, 0);
    ASSERT(caller_id > 0);
    while (!LOAD(worked))
        usleep(100);
    start_one(&spinner, spin, 0);
    expect_server_works(0, "before");
    EXPECT_EQ(set_priority(caller_id, HIGH), LOW);
    expect_server_works(1, "after its caller has got a higher priority");
    EXPECT_EQ(set_priority(caller_id, LOW), HIGH);
    expect_server_works(0, "after its caller has got a lower priority");
    end_chain();
    while (!LOAD(raw_has_ended))
        usleep(100);
}

/* --- circles -------------------------------------------------------------------------------------------- */
static int circle[2];

static void *call_the_other(void *number)
{
    long i = (long)number;
    struct message m = {.info = 0};

    begin(LOW);
    message_receive(circle[i], &m);
    ADD(working, 1);
    while (LOAD(working) < 2)
        usleep(50);
    m = (struct message){.word = {1}, .info = QUIRE_INFO_LIMIT_US(10 * MS)};
    return (void *)message_call(circle[!i], &m);
}

static void *call_into_circle(void *number)
{
    begin(HIGH);
    return (void *)message_call(circle[(long)number],
                                &(struct message){.word = {2}, .info = QUIRE_INFO_LIMIT_US(20 * MS)});
}

TEST(priority, a_circle_of_calls_ends)
{
    pthread_t t[2], urgent[2];
    void *result;

    begin(TOP);
    for (long i = 0; i < 2; i++)
        circle[i] = (int)quire_call(endpoint_create);
    for (long i = 0; i < 2; i++)
        start_one(&t[i], call_the_other, i);
    usleep(MS);
    for (long i = 0; i < 2; i++)
        start_one(&urgent[i], call_into_circle, i);
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(pthread_join(t[i], &result), 0);
        EXPECT((long)result == -ETIMEDOUT || (long)result == -EPIPE);
        EXPECT_EQ(pthread_join(urgent[i], &result), 0);
        EXPECT((long)result == -ETIMEDOUT || (long)result == -EPIPE);
    }
}

/* --- a receiver whose time is over ------------------------------------------------------------------------ */
static void *receive_for_a_while(void *unused)
{
    struct message m = {.info = QUIRE_INFO_LIMIT_US(2 * MS)};

    begin(LOW);
    if (message_receive(endpoint[0], &m) == QUIRE_GOT_CALL)
        message_reply(-1, &(struct message){.info = 0});
    return unused;
}

/*
 * It was woken by its time limit and waits for the CPU, and then the call comes: it must get ahead of the one that
 * spins.
 */
TEST(priority, a_call_hurries_a_receiver_that_waits_for_the_cpu)
{
    struct message m = {.info = QUIRE_INFO_LIMIT_US(20 * MS)};

    begin(TOP);
    endpoint[0] = (int)quire_call(endpoint_create);
    start_one(&servers[0], receive_for_a_while, 0);
    usleep(MS);
    start_one(&spinner, spin, 0);
    usleep(3 * MS);
    EXPECT_EQ(message_call(endpoint[0], &m), 0);
    STORE(stop, 1);
    EXPECT_EQ(pthread_join(spinner, NULL), 0);
    EXPECT_EQ(pthread_join(servers[0], NULL), 0);
}

/* --- the kernel's own locks ------------------------------------------------------------------------------- */
static void map_again_and_again(void)
{
    unsigned long bytes = (unsigned long)quire_call(memory_size, QUIRE_ARCHIVE);

    begin(LOW);
    for (;;) {
        long at = quire_call(mmap, NULL, bytes, PROT_READ, MAP_SHARED | QUIRE_MAP_NOW, QUIRE_ARCHIVE, 0);
        quire_call(munmap, at, bytes);
    }
}

static void *spin_in_bursts(void *unused)
{
    begin(MIDDLE);
    for (int i = 0; !LOAD(stop); i++) {
        usleep(300 + i * 37 % 200);
        for (long end = quire_call(clock) + 4000000; quire_call(clock) < end;)
            ;
    }
    return unused;
}

/* All programs share the archive: one that maps it holds up none that is more urgent. */
TEST(priority, who_maps_the_archive_holds_up_nobody_more_urgent)
{
    long longest = 0;
    char c;

    begin(TOP);
    pid_t mapper = fork();
    if (!mapper)
        map_again_and_again();
    start_one(&spinner, spin_in_bursts, 0);
    for (int i = 0; i < 40; i++) {
        usleep(3 * MS + (unsigned)i * 131);
        long begun = quire_call(clock);
        EXPECT_CALL(1, memory_read, QUIRE_ARCHIVE, 0, &c, 1);
        long took = quire_call(clock) - begun;
        longest = took > longest ? took : longest;
    }
    STORE(stop, 1);
    EXPECT_EQ(pthread_join(spinner, NULL), 0);
    expect_killed(mapper);
    if (longest > 1000000)
        test_fail(__FILE__, __LINE__, "one byte of the archive took %ld us", longest / 1000);
}
