/* SPDX-License-Identifier: MIT */
/*
 * One example for each system call on processes, threads and time: what stands in a body here is the example of the
 * page docs/system-calls.md.
 */
#include "child.h"
#include <quire/loader.h>
#include <quire/message.h>
#include <quire/thread.h>

#define ENDED 1ul /* a notification's bit */

/* --- processes ---------------------------------------------------------------------------------------- */
/* Starts a process with the console as its handles 0 to 2, and waits until it has ended; its status. */
static int run(long process)
{
    struct quire_start start = {.nr_same = 3};
    int status = -1;

    EXPECT_EQ(quire_call(process_start, process, &start), 0);
    EXPECT_EQ(process_wait(process, &status), 0);
    return status;
}

TEST(example, process_create)
{
    long process = quire_call(process_create, "empty");

    ASSERT(process >= 0); /* now space_map gives it memory, and process_start a first thread */
    EXPECT_EQ(quire_call(close, process), 0);
    EXPECT_EQ(quire_call(process_create, "too important", QUIRE_PRIORITY_MAX + 1), -EPERM);
}

TEST(example, process_clone)
{
    long process = quire_call(process_clone);

    if (process == QUIRE_IN_CHILD)
        quire_call(exit, 3, 0);
    EXPECT_EQ(run(process), 3 << 8); /* run() starts it and waits for its end */
}

TEST(example, process_start)
{
    struct quire_start start; /* with the program's entry and its stack */
    long process = program_load("bin/true", NULL, 0, &start), log = quire_call(endpoint_create);
    int status;

    start.nr_same = 0;
    start.nr_given = 1;
    start.handle[0] = (int)log;
    start.rights[0] = RIGHT_CALL;
    EXPECT_EQ(quire_call(process_start, process, &start), 0); /* the program's handle 0 can call `log` */
    EXPECT_EQ(process_wait(process, &status), 0);
}

TEST(example, process_watch)
{
    long process = quire_call(process_create, "empty"), notification = quire_call(notification_create);
    unsigned long bits;

    EXPECT(quire_call(process_watch, process, notification, ENDED) > 0);
    EXPECT_EQ(quire_call(kill, process), 0);
    EXPECT_EQ(notification_wait(notification, ENDED, 0, &bits), 0);
}

TEST(example, process_status)
{
    long process = quire_call(process_create, "empty");
    int status;

    EXPECT_EQ(quire_call(process_status, process, &status, NULL), -EAGAIN);
    EXPECT_EQ(quire_call(kill, process), 0);
    EXPECT_EQ(process_wait(process, &status), 0);
    EXPECT_EQ(quire_call(process_status, process, &status, NULL), 0);
    EXPECT_EQ(status, SIGKILL);
}

/* A process that reads from address 4096, where nothing is, and the endpoint that its faults come to. */
static long start_faulty(long endpoint)
{
    long process = quire_call(process_clone);

    if (process == QUIRE_IN_CHILD) {
        volatile char *volatile nowhere = (char *)4096;
        quire_call(exit, *nowhere, 0);
    }
    EXPECT_EQ(quire_call(process_faults, process, endpoint, 0), 0);
    EXPECT_EQ(quire_call(process_start, process, &(struct quire_start){.nr_same = 3}), 0);
    return process;
}

TEST(example, process_faults)
{
    long endpoint = quire_call(endpoint_create), process = start_faulty(endpoint); /* it reads from address 4096 */
    struct message m = {.info = 0};
    int status;

    EXPECT_EQ(message_receive((int)endpoint, &m), QUIRE_GOT_CALL);
    EXPECT_EQ(QUIRE_FAULT_KIND(m.word[0]), QUIRE_FAULT_MEMORY);
    EXPECT_EQ(m.word[1], 4096);
    m = (struct message){.word = {QUIRE_FAULT_END}};
    EXPECT_EQ(message_reply(-1, &m), 0);
    EXPECT_EQ(process_wait(process, &status), 0);
    EXPECT_EQ(status, SIGSEGV);
}

static void end_process(void) { quire_call(exit, 9, 0); }

TEST(example, fault_registers)
{
    long endpoint = quire_call(endpoint_create), process = start_faulty(endpoint); /* it reads from address 4096 */
    struct quire_registers registers;
    struct message m = {.info = 0};
    int status;

    EXPECT_EQ(message_receive((int)endpoint, &m), QUIRE_GOT_CALL);
    EXPECT_EQ(quire_call(fault_registers, -1, &registers, 0), 0);
    registers.pc = (unsigned long)end_process; /* there it goes on */
    EXPECT_EQ(quire_call(fault_registers, -1, &registers, 1), 0);
    m = (struct message){.word = {QUIRE_FAULT_RESUME}};
    EXPECT_EQ(message_reply(-1, &m), 0);
    EXPECT_EQ(process_wait(process, &status), 0);
    EXPECT_EQ(status, 9 << 8);
}

TEST(example, process_id)
{
    long process = quire_call(process_create, "empty");

    EXPECT(quire_call(process_id, process) > quire_call(getpid)); /* it is younger */
}

TEST(example, getpid) { EXPECT_EQ(quire_call(getpid), getpid()); }

TEST(example, kill)
{
    long process = process_fork();
    int status;

    if (process == QUIRE_IN_CHILD)
        for (;;)
            quire_call(yield);
    EXPECT_EQ(quire_call(kill, process), 0);
    EXPECT_EQ(process_wait(process, &status), 0);
    EXPECT_EQ(status, SIGKILL);
}

TEST(example, exit)
{
    long process = process_fork();
    int status;

    if (process == QUIRE_IN_CHILD)
        quire_call(exit, 5, 0); /* with (0, SIGABRT) it would end as abort() does */
    EXPECT_EQ(process_wait(process, &status), 0);
    EXPECT_EQ(status, 5 << 8);
}

/* --- threads ------------------------------------------------------------------------------------------ */
static uint32_t came;

static void thread_main(uint32_t value)
{
    __atomic_store_n(&came, value, __ATOMIC_RELEASE);
    quire_call(thread_exit);
}

TEST(example, thread_create)
{
    static char stack[8192] __attribute__((aligned(16)));
    long id = quire_call(thread_create, thread_main, stack + sizeof(stack) - 256, 77); /* thread_main(77) */

    EXPECT(id > 0);
    while (__atomic_load_n(&came, __ATOMIC_ACQUIRE) != 77)
        quire_call(yield);
}

static void leave(void *unused)
{
    came = 1;
    quire_call(thread_exit); /* the process goes on: it has another thread */
}

TEST(example, thread_exit)
{
    long process = process_fork();
    int status;

    if (process == QUIRE_IN_CHILD)
        leave(NULL);
    EXPECT_EQ(process_wait(process, &status), 0); /* it was the last thread, so the process ended */
    EXPECT_EQ(status, 0);
}

TEST(example, thread_priority)
{
    long own = quire_call(thread_priority, 0, 0);

    EXPECT_EQ(quire_call(thread_priority, 0, 1), own); /* nobody is less urgent now */
    EXPECT_EQ(quire_call(thread_priority, 0, own), 1);
    EXPECT_EQ(quire_call(thread_priority, 0, QUIRE_PRIORITY_MAX + 1), -EPERM);
}

TEST(example, yield) { EXPECT_EQ(quire_call(yield), 0); }

TEST(example, sleep)
{
    long before = quire_call(clock);

    EXPECT_EQ(quire_call(sleep, 1000000), 0);
    EXPECT(quire_call(clock) - before >= 1000000);
}

TEST(example, clock)
{
    long before = quire_call(clock);

    EXPECT(quire_call(clock) >= before);
}

TEST(example, cpu) { EXPECT(quire_call(cpu) >= 0); }

TEST(example, cpu_pin)
{
    EXPECT_EQ(quire_call(cpu_pin, 0), 0);
    EXPECT_EQ(quire_call(cpu), 0);
    EXPECT_EQ(quire_call(cpu_pin, -1), 0); /* anywhere again */
    EXPECT_EQ(quire_call(cpu_pin, 1000000), -EINVAL);
}

static uint32_t word; /* 0: not yet */

static void set_word(void *unused)
{
    __atomic_store_n(&word, 1, __ATOMIC_RELEASE);
    quire_call(futex_wake, &word, 1);
}

TEST(example, futex_wait)
{
    struct thread other;

    ASSERT_EQ(thread_start(&other, set_word, NULL), 0);
    while (__atomic_load_n(&word, __ATOMIC_ACQUIRE) == 0)
        quire_call(futex_wait, &word, 0, 0); /* only if it is still 0, so no wake-up is missed */
    thread_join(&other);
}

TEST(example, futex_wake)
{
    EXPECT_EQ(quire_call(futex_wake, &word, 10), 0); /* nobody waits for it */
    EXPECT_EQ(quire_call(futex_wake, (char *)&word + 1, 10), -EINVAL);
}

TEST(example, nop) { EXPECT_EQ(quire_call(nop), 0); }
