/* SPDX-License-Identifier: MIT */
/* Events that programs read: who may, what is recorded, and a reader beside writers on other CPUs. */
#include "threads.h"
#include <stdbool.h>
#include <quire/loader.h>
#include <quire/message.h>
#include <uapi/quire/event.h>
#include <uapi/quire/ipc.h>

#define CHUNK  256
#define ROUNDS 2000
#define MORE_THAN_THE_RING 10000ul

static struct mm_event_record records[CHUNK];

static long open_events(void)
{
    long events = quire_call(events_open, QUIRE_DEVICES);

    ASSERT(events >= 0);
    return events;
}

static unsigned long next_number(long events) { return (unsigned long)quire_call(events_read, events, records, 0, 0); }

/* The first event of this kind from `from` on whose numbers are these; -1: any. */
static bool recorded(long events, unsigned long from, unsigned kind, long a, long b, long c)
{
    long got;

    while ((got = quire_call(events_read, events, records, sizeof(records), from)) > 0)
        for (const struct mm_event_record *r = records; r < records + got; r++) {
            from = r->sequence + 1;
            if (r->kind == kind && (a == -1 || r->a == (unsigned long)a) && (b == -1 || r->b == (unsigned long)b) &&
                (c == -1 || r->c == (unsigned long)c))
                return true;
        }
    return false;
}

TEST(trace, only_who_has_the_devices_opens_events)
{
    long weak = quire_call(handle_duplicate, QUIRE_DEVICES, RIGHT_TRANSFER, 0);

    ASSERT(weak >= 0);
    EXPECT_CALL(-EACCES, events_open, weak);
    EXPECT_CALL(-EBADF, events_open, 0); /* the console */
    EXPECT_CALL(-EBADF, events_open, 1000);
    EXPECT_CALL(-EBADF, events_read, QUIRE_DEVICES, records, sizeof(records), 0);
    EXPECT_CALL(0, close, weak);
}

TEST(trace, a_handle_without_the_right_reads_nothing)
{
    long events = open_events(), weak = quire_call(handle_duplicate, events, RIGHT_TRANSFER, 0);

    ASSERT(weak >= 0);
    EXPECT_CALL(-EACCES, events_read, weak, records, sizeof(records), 0);
    EXPECT_CALL(-EFAULT, events_read, events, (void *)-4096l, sizeof(records), 0);
    EXPECT_CALL(-EFAULT, events_read, events, (void *)8, sizeof(records), 0);
    EXPECT_CALL(0, events_read, events, records, sizeof(records), ~0ul);
    EXPECT_CALL(0, close, weak);
    EXPECT_CALL(0, close, events);
}

TEST(trace, signals_and_faults_are_recorded)
{
    long events = open_events(), n = quire_call(notification_create);
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned long from = next_number(events);

    EXPECT_CALL(0, signal, n, 0x5ca1ab1e);
    page[0] = 1;
    EXPECT(recorded(events, from, MM_EVENT_SIGNAL, -1, -1, 0x5ca1ab1e));
    EXPECT(recorded(events, from, MM_EVENT_FAULT, -1, (long)page, PROT_WRITE));
    EXPECT_CALL(0, close, n);
    EXPECT_CALL(0, close, events);
}

/* Answers one call, then waits for another, which never comes: its process is killed. */
static void answer(int endpoint)
{
    struct message m = {.info = 0};

    message_receive(endpoint, &m);
    for (;;) {
        m.info = 0;
        message_reply_receive(endpoint, &m);
    }
}

/* The words of both ways, the short cut and the long way, are the same: a call, its answer, and switches. */
static void call_is_recorded(unsigned long limit)
{
    long events = open_events(), endpoint = quire_call(endpoint_create), server = process_fork();

    if (server == QUIRE_IN_CHILD)
        answer((int)endpoint);
    ASSERT(server >= 0);
    struct message m = {.info = limit};
    for (int i = 0; i < 3; i++) { /* after the first the server waits */
        m.info = limit;
        EXPECT_EQ(message_call((int)endpoint, &m), 0);
    }
    unsigned long from = next_number(events);
    m.info = limit;
    EXPECT_EQ(message_call((int)endpoint, &m), 0);
    EXPECT(recorded(events, from, MM_EVENT_MESSAGE, -1, -1, QUIRE_GOT_CALL) ||
           recorded(events, from, MM_EVENT_CALL, -1, -1, 0)); /* the server may not have come back yet */
    EXPECT(recorded(events, from, MM_EVENT_REPLY, -1, -1, 0));
    EXPECT(recorded(events, from, MM_EVENT_SWITCH, -1, -1, quire_call(getpid)));
    EXPECT_CALL(0, kill, server);
    EXPECT_EQ(process_wait(server, &(int){0}), 0);
    EXPECT_CALL(0, close, server);
    EXPECT_CALL(0, close, endpoint);
    EXPECT_CALL(0, close, events);
}

TEST(trace, messages_of_the_short_cut_are_recorded) { call_is_recorded(0); }

TEST(trace, messages_of_the_long_way_are_recorded) { call_is_recorded(QUIRE_INFO_LIMIT_US(1000000)); }

TEST(trace, without_a_handle_threads_are_not_recorded)
{
    long events = open_events(), n = quire_call(notification_create);
    unsigned long from = next_number(events);

    EXPECT_CALL(0, close, events);
    EXPECT_CALL(0, signal, n, 0xdeadbee);
    events = open_events();
    EXPECT(!recorded(events, from, MM_EVENT_SIGNAL, -1, -1, 0xdeadbee));
    EXPECT_CALL(0, close, n);
    EXPECT_CALL(0, close, events);
}

/* --- a reader beside writers --------------------------------------------------------------------------- */
/* Signals count up in a notification of the thread's own: so an event that is mixed of two is seen. */
static struct writer {
    long notification;
    unsigned long object; /* as events name the notification; 0: no event was read yet */
    unsigned long last, seen;
} writer[NR];
static int writing;

static unsigned long bits_of(unsigned long who, unsigned long count) { return 0xabcd000000000000 | who << 32 | count; }

static void *write_events(void *who)
{
    unsigned long me = (unsigned long)who;

    for (unsigned long i = 1; i <= ROUNDS; i++)
        quire_call(signal, writer[me].notification, bits_of(me, i));
    ADD(writing, -1);
    return NULL;
}

/* False: it isn't what one thread has recorded at one time. */
static bool is_whole(const struct mm_event_record *r)
{
    unsigned long who = r->c >> 32 & 0xffff, count = r->c & 0xffffffff;

    if (r->kind == MM_EVENT_NONE || r->kind >= MM_EVENT_NR || !r->time_ns)
        return false;
    if (r->kind != MM_EVENT_SIGNAL || r->c >> 48 != 0xabcd)
        return true;
    if (who >= NR || count <= writer[who].last || count > ROUNDS)
        return false;
    if (!writer[who].object)
        writer[who].object = r->b;
    writer[who].last = count;
    writer[who].seen++;
    return writer[who].object == r->b;
}

/* Reads what there is. Numbers that are missing are counted in *lost. */
static unsigned long read_some(long events, unsigned long from, unsigned long *lost)
{
    long got = quire_call(events_read, events, records, sizeof(records), from);

    ASSERT(got >= 0 && got <= CHUNK);
    for (const struct mm_event_record *r = records; r < records + got; r++) {
        ASSERT(r->sequence >= from);
        *lost += r->sequence - from;
        from = r->sequence + 1;
        ASSERT(is_whole(r));
    }
    return from;
}

TEST(trace, a_reader_beside_writers_gets_whole_events)
{
    long events = open_events();
    unsigned long from = next_number(events), lost = 0, seen = 0;
    pthread_t t[NR];

    writing = NR;
    for (int i = 0; i < NR; i++)
        writer[i] = (struct writer){.notification = quire_call(notification_create)};
    start(t, NR, write_events);
    while (LOAD(writing) > 0)
        from = read_some(events, from, &lost);
    join(t, NR);
    unsigned long end = next_number(events);
    while (from < end) {
        unsigned long before = from;
        from = read_some(events, from, &lost);
        if (from == before)
            break;
    }
    for (int i = 0; i < NR; i++) {
        seen += writer[i].seen;
        EXPECT_CALL(0, close, writer[i].notification);
    }
    EXPECT(seen > 0);
    EXPECT(seen + lost >= NR * ROUNDS); /* what wasn't read is counted */
    EXPECT_CALL(0, close, events);
}

/* More events than the ring holds: the oldest are lost, and the numbers say how many. */
TEST(trace, a_reader_that_comes_too_late_knows_what_it_has_lost)
{
    long events = open_events();
    unsigned long from = next_number(events), first = from, lost = 0;

    writer[0] = (struct writer){.notification = quire_call(notification_create)};
    for (unsigned long i = 0; i < MORE_THAN_THE_RING; i++)
        EXPECT_CALL(0, signal, writer[0].notification, 1);
    unsigned long end = next_number(events), before = from;
    do {
        before = from;
        from = read_some(events, from, &lost);
    } while (from < end && from != before);
    EXPECT(from >= end);
    EXPECT(lost > 0);
    EXPECT(from - first - lost <= MORE_THAN_THE_RING);
    EXPECT_CALL(0, close, writer[0].notification);
    EXPECT_CALL(0, close, events);
}

/* --- the program ------------------------------------------------------------------------------------------ */
/* Its exit code if it gets the first handles of this process. */
static int run_trace(char *const argv[], unsigned handles)
{
    struct quire_start start;
    int status = -1;
    long process = program_load("bin/trace", argv, 0, &start);

    ASSERT(process >= 0);
    start.nr_same = handles;
    EXPECT_CALL(0, process_start, process, &start);
    EXPECT_EQ(process_wait(process, &status), 0);
    EXPECT_CALL(0, close, process);
    return WEXITSTATUS(status);
}

TEST(trace, the_program_needs_the_right)
{
    EXPECT_EQ(run_trace((char *[]){"trace", "true", NULL}, QUIRE_ARCHIVE + 1), 127);
}

TEST(trace, the_program_traces_and_ends_as_its_program_does)
{
    EXPECT_EQ(run_trace((char *[]){"trace", "-n", "3", "true", NULL}, QUIRE_DEVICES + 1), 0);
    EXPECT_EQ(run_trace((char *[]){"trace", "-n", "3", "false", NULL}, QUIRE_DEVICES + 1), 1);
}
