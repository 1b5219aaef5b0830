/* SPDX-License-Identifier: MIT */
/*
 * Processes from outside: copies that are started later, empty ones, their handles, watchers, and faults as messages.
 */
#include "child.h"
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <quire/message.h>
#include <uapi/quire/ipc.h>

/* A copy of this process that isn't started; in the copy: QUIRE_IN_CHILD. */
static long copy(void) { return quire_call(process_clone); }

static long start_copy(long process, unsigned nr_same)
{
    struct quire_start start = {.nr_same = nr_same};
    return quire_call(process_start, process, &start);
}

/* Waits for the end of the process; its status. */
static int status_of(long process)
{
    int status = -1;
    unsigned long bits = 0;
    long n = quire_call(notification_create);

    EXPECT(n >= 0);
    EXPECT(quire_call(process_watch, process, n, 4) > 0);
    EXPECT_EQ(notification_wait(n, ~0ul, 0, &bits), 0);
    EXPECT_EQ(bits, 4);
    EXPECT_EQ(quire_call(close, n), 0);
    EXPECT_EQ(quire_call(process_status, process, &status), 0);
    return status;
}

TEST(begin, a_copy_runs_when_it_is_started_and_its_watcher_is_told)
{
    long p = copy();

    if (p == QUIRE_IN_CHILD)
        quire_call(exit, 7);
    ASSERT(p >= 0);
    int status;
    EXPECT_EQ(quire_call(process_status, p, &status), -EAGAIN);
    EXPECT_EQ(start_copy(p, 3), 0);
    long again = start_copy(p, 3);
    EXPECT(again == -EBUSY || again == -ESRCH); /* it may have ended already */
    EXPECT_EQ(status_of(p), 7 << 8);
    EXPECT_EQ(start_copy(p, 3), -ESRCH);
    EXPECT_EQ(status_of(p), 7 << 8); /* a late watcher is told at once */
    EXPECT_EQ(quire_call(close, p), 0);
}

TEST(begin, a_copy_has_its_makers_registers_and_memory_of_that_moment)
{
    volatile int before = 1;
    long p = copy();

    if (p == QUIRE_IN_CHILD)
        quire_call(exit, before);
    before = 2;
    ASSERT(p >= 0);
    EXPECT_EQ(start_copy(p, 0), 0);
    EXPECT_EQ(status_of(p), 1 << 8);
    EXPECT_EQ(quire_call(close, p), 0);
}

TEST(begin, a_process_that_nobody_starts_leaves_nothing)
{
    for (int i = 0; i < 20; i++) {
        long p = i % 2 ? quire_call(process_create, "empty") : copy();
        if (p == QUIRE_IN_CHILD)
            quire_call(exit, 0);
        ASSERT(p >= 0);
        EXPECT_EQ(quire_call(close, p), 0);
    }
}

TEST(begin, killing_one_that_never_started_tells_its_watchers)
{
    long p = quire_call(process_create, "empty");

    ASSERT(p >= 0);
    EXPECT_EQ(quire_call(kill, p), 0);
    EXPECT_EQ(status_of(p), SIGKILL);
    struct quire_start start = {.entry = (uint64_t)copy, .stack = 0x10000};
    EXPECT_EQ(quire_call(process_start, p, &start), -ESRCH);
    EXPECT_EQ(quire_call(close, p), 0);
}

TEST(begin, the_last_handle_to_one_that_never_started_tells_its_watchers)
{
    long p = quire_call(process_create, "empty"), n = quire_call(notification_create);
    unsigned long bits = 0;

    ASSERT(p >= 0 && n >= 0);
    EXPECT(quire_call(process_watch, p, n, 1ul << 63) > 0);
    EXPECT_EQ(quire_call(close, p), 0);
    EXPECT_EQ(notification_wait(n, ~0ul, QUIRE_INFO_LIMIT_US(1000), &bits), 0);
    EXPECT_EQ(bits, 1ul << 63);
    EXPECT_EQ(quire_call(close, n), 0);
}

/* --- writing from outside ------------------------------------------------------------- */
TEST(begin, what_is_written_before_the_start_is_the_processs_own)
{
    static volatile int value = 3;
    int other = 44;
    long p = copy();

    if (p == QUIRE_IN_CHILD)
        quire_call(exit, value);
    ASSERT(p >= 0);
    EXPECT_EQ(quire_call(space_write, p, &value, &other, sizeof(other)), 0);
    EXPECT_EQ(value, 3);
    EXPECT_EQ(start_copy(p, 0), 0);
    EXPECT_EQ(status_of(p), 44 << 8);
    EXPECT_EQ(quire_call(space_write, p, &value, &other, sizeof(other)), -ESRCH);
    EXPECT_EQ(quire_call(close, p), 0);
}

TEST(begin, what_runs_is_not_written_to)
{
    static int value;
    long p = process_fork();

    if (p == QUIRE_IN_CHILD)
        for (;;)
            quire_call(sleep, 1000000);
    ASSERT(p >= 0);
    EXPECT_EQ(quire_call(space_write, p, &value, &value, sizeof(value)), -EBUSY);
    EXPECT_EQ(quire_call(kill, p), 0);
    EXPECT_EQ(status_of(p), SIGKILL);
    EXPECT_EQ(quire_call(close, p), 0);
}

TEST(begin, writes_from_outside_are_checked)
{
    char *text = map_pages(3 * PAGE, PROT_READ | PROT_WRITE);
    const unsigned long at = 0x400000;
    long p = quire_call(process_create, "empty"), m = quire_call(memory_create, 2 * PAGE);
    struct quire_map shared = {at, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, m, 0},
                     constant = {at + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0};

    ASSERT(p >= 0 && m >= 0);
    memset(text, 'x', 3 * PAGE);
    EXPECT_EQ(quire_call(space_map, p, &shared), at);
    EXPECT_EQ(quire_call(space_map, p, &constant), at + 2 * PAGE);
    EXPECT_EQ(quire_call(space_write, p, at + 10, text, 2 * PAGE - 20), 0);
    char *seen = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, (int)m, 0);
    EXPECT(seen[9] == 0 && seen[10] == 'x' && seen[2 * PAGE - 11] == 'x' && seen[2 * PAGE - 10] == 0);
    EXPECT_EQ(quire_call(space_write, p, at, text, 0), 0);
    EXPECT_EQ(quire_call(space_write, p, at + PAGE, text, PAGE + 1), -EACCES);
    EXPECT_EQ(quire_call(space_write, p, at - 1, text, 1), -EFAULT);
    EXPECT_EQ(quire_call(space_write, p, -1l, text, 1), -EFAULT);
    EXPECT_EQ(quire_call(space_write, p, at, NULL, 1), -EFAULT);
    EXPECT_EQ(quire_call(space_write, p, at, text, -1l), -EFAULT);
    EXPECT_EQ(quire_call(space_write, 0, at, text, 1), -EBADF);
    EXPECT_EQ(quire_call(space_write, -1l, at, text, 1), -EBADF);
    long weak = quire_call(handle_duplicate, p, RIGHT_WAIT, 0);
    EXPECT_EQ(quire_call(space_write, weak, at, text, 1), -EACCES);
    EXPECT_EQ(quire_call(kill, p), 0);
    EXPECT_EQ(quire_call(space_write, p, at, text, 1), -ESRCH);
    quire_call(close, weak);
    quire_call(close, p);
    quire_call(close, m);
}

static long written_to, result_of_write;

static void *write_much(void *text)
{
    result_of_write = quire_call(space_write, written_to, 0x400000, text, 8 * MIB);
    return NULL;
}

TEST(begin, a_write_ends_when_the_process_is_killed)
{
    char *text = map_pages(8 * MIB, PROT_READ);
    long m = quire_call(memory_create, 8 * MIB);
    struct quire_map map = {0x400000, 8 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, m, 0};
    struct quire_start nowhere = {.nr_same = 0};
    pthread_t writer;

    written_to = quire_call(process_create, "empty");
    ASSERT(written_to >= 0 && m >= 0);
    EXPECT_EQ(quire_call(space_map, written_to, &map), 0x400000);
    EXPECT_EQ(quire_call(thread_priority, 0, 4), 3);
    ASSERT_EQ(pthread_create(&writer, NULL, write_much, text), 0);
    while (quire_call(process_start, written_to, &nowhere) != -EBUSY) /* until it writes */
        quire_call(sleep, 20000);
    EXPECT_EQ(quire_call(kill, written_to), 0);
    EXPECT_EQ(pthread_join(writer, NULL), 0);
    EXPECT_EQ(result_of_write, -ESRCH);
    EXPECT_EQ(status_of(written_to), SIGKILL);
    quire_call(close, written_to);
    quire_call(close, m);
}

TEST(begin, wrong_arguments_change_nothing)
{
    long empty = quire_call(process_create, "empty"), p = copy();
    struct quire_start start = {.nr_same = 3};

    if (p == QUIRE_IN_CHILD)
        quire_call(exit, 5);
    ASSERT(empty >= 0 && p >= 0);
    EXPECT_EQ(quire_call(process_create, (char *)8), -EFAULT);
    EXPECT_EQ(quire_call(process_create, "a name that is longer than a process may have"), -ENAMETOOLONG);
    EXPECT_EQ(quire_call(process_start, empty, &start), -EINVAL); /* no registers */
    start.entry = (uint64_t)copy, start.stack = 0x10000;
    EXPECT_EQ(quire_call(process_start, p, &start), -EINVAL); /* it has registers */
    start.stack = 0x10001;
    EXPECT_EQ(quire_call(process_start, empty, &start), -EINVAL);
    start = (struct quire_start){.nr_same = 3, .nr_given = 1};
    EXPECT_EQ(quire_call(process_start, p, &start), -EINVAL);
    start = (struct quire_start){.nr_given = 1, .handle = {1000}};
    EXPECT_EQ(quire_call(process_start, p, &start), -EBADF);
    start = (struct quire_start){.nr_given = 9};
    EXPECT_EQ(quire_call(process_start, p, &start), -EINVAL);
    EXPECT_EQ(quire_call(process_start, p, 8), -EFAULT);
    EXPECT_EQ(quire_call(process_start, 0, &start), -EBADF);
    EXPECT_EQ(quire_call(process_watch, p, 0, 1), -EBADF);
    EXPECT_EQ(quire_call(process_faults, p, -1, 2), -EINVAL);
    EXPECT_EQ(start_copy(p, 3), 0);
    EXPECT_EQ(status_of(p), 5 << 8);
    quire_call(close, p);
    quire_call(close, empty);
}

TEST(begin, given_handles_get_the_first_numbers_and_fewer_rights)
{
    long e = quire_call(endpoint_create), p = copy();

    if (p == QUIRE_IN_CHILD) { /* it has handle 0: the endpoint, to call only */
        struct message m = {.word = {11}, .info = 0};
        long result = message_receive(0, &m);
        quire_call(exit, result == -EACCES && message_call(0, &m) == 0 && quire_call(close, 1) == -EBADF ? 0 : 1);
    }
    ASSERT(e >= 0 && p >= 0);
    struct quire_start start = {.nr_given = 1, .handle = {(int)e}, .rights = {RIGHT_CALL}};
    EXPECT_EQ(quire_call(process_start, p, &start), 0);
    struct message m = {.info = 0};
    EXPECT_EQ(message_receive((int)e, &m), QUIRE_GOT_CALL);
    EXPECT_EQ(m.word[0], 11);
    EXPECT_EQ(message_reply(-1, &m), 0);
    EXPECT_EQ(status_of(p), 0);
    quire_call(close, p);
    quire_call(close, e);
}

TEST(begin, who_is_killed_takes_the_processes_that_it_owns_with_it)
{
    long n = quire_call(notification_create), p = copy();
    unsigned long bits = 0;

    if (p == QUIRE_IN_CHILD) {
        long grandchild = copy();
        if (grandchild == QUIRE_IN_CHILD)
            for (;;)
                quire_call(sleep, 1000000000);
        quire_call(process_watch, grandchild, n, 1);
        start_copy(grandchild, 0);
        quire_call(signal, n, 2);
        for (;;)
            quire_call(sleep, 1000000000);
    }
    ASSERT(n >= 0 && p >= 0);
    EXPECT_EQ(start_copy(p, (unsigned)n + 1), 0);
    EXPECT_EQ(notification_wait(n, 2, 0, &bits), 0);
    EXPECT_EQ(quire_call(kill, p), 0);
    EXPECT_EQ(notification_wait(n, 1, QUIRE_INFO_LIMIT_US(200000), &bits), 0);
    EXPECT_EQ(status_of(p), SIGKILL);
    quire_call(close, p);
    quire_call(close, n);
}

/* --- faults ------------------------------------------------------------------------------------- */
static long faulting(long e, unsigned long flags, void (*body)(void))
{
    long p = copy();

    if (p == QUIRE_IN_CHILD) {
        body();
        quire_call(exit, 1);
    }
    EXPECT(p >= 0);
    EXPECT_EQ(quire_call(process_faults, p, e, flags), 0);
    EXPECT_EQ(start_copy(p, 3), 0);
    return p;
}

#define NOWHERE ((volatile int *)0x123456000)
static void write_nowhere(void)
{
    *NOWHERE = 1;
    quire_call(exit, 3);
}

TEST(begin, a_handler_sees_a_fault_and_ends_the_process)
{
    long e = quire_call(endpoint_create), p = faulting(e, 0, write_nowhere);
    struct message m = {.info = 0};
    struct quire_registers r;

    EXPECT_EQ(message_receive((int)e, &m), QUIRE_GOT_CALL);
    EXPECT_EQ(QUIRE_FAULT_KIND(m.word[0]), QUIRE_FAULT_MEMORY);
    EXPECT_EQ(m.word[1], (unsigned long)NOWHERE);
    EXPECT_EQ(m.word[4], PROT_WRITE);
    EXPECT_EQ(m.word[5], SIGSEGV);
    EXPECT_EQ(quire_call(fault_registers, -1, &r, 0), 0);
    EXPECT_EQ(r.pc, m.word[2]);
    EXPECT_EQ(r.sp, m.word[3]);
    m = (struct message){.word = {QUIRE_FAULT_END}};
    EXPECT_EQ(message_reply(-1, &m), 0);
    EXPECT_EQ(status_of(p), SIGSEGV);
    quire_call(close, p);
    quire_call(close, e);
}

static void exit_four(void) { quire_call(exit, 4); }

TEST(begin, a_handler_changes_the_registers)
{
    long e = quire_call(endpoint_create), p = faulting(e, 0, write_nowhere);
    struct message m = {.info = 0};
    struct quire_registers r;

    EXPECT_EQ(message_receive((int)e, &m), QUIRE_GOT_CALL);
    EXPECT_EQ(quire_call(fault_registers, -1, &r, 0), 0);
    r.pc = ~0ul;
    EXPECT_EQ(quire_call(fault_registers, -1, &r, 1), -EINVAL);
    r.pc = (unsigned long)exit_four;
    EXPECT_EQ(quire_call(fault_registers, -1, &r, 1), 0);
    EXPECT_EQ(quire_call(fault_registers, -1, &r, 2), -EINVAL);
    m = (struct message){.word = {QUIRE_FAULT_RESUME}};
    EXPECT_EQ(message_reply(-1, &m), 0);
    EXPECT_EQ(status_of(p), 4 << 8);
    EXPECT_EQ(quire_call(fault_registers, -1, &r, 0), -ESRCH);
    quire_call(close, p);
    quire_call(close, e);
}

TEST(begin, a_handler_that_goes_or_is_none_means_the_ordinary_end)
{
    long e = quire_call(endpoint_create), p = faulting(e, 0, write_nowhere);
    struct message m = {.info = 0};

    EXPECT_EQ(message_receive((int)e, &m), QUIRE_GOT_CALL);
    quire_call(kill, p); /* the thread doesn't wait any more */
    EXPECT_EQ(status_of(p), SIGKILL);
    EXPECT_EQ(message_reply(-1, &m), -ESRCH);
    quire_call(close, p);
    p = faulting(e, 0, write_nowhere);
    quire_call(close, e);
    EXPECT_EQ(status_of(p), SIGSEGV);
    quire_call(close, p);
}

static void illegal_then_exit(void) { __builtin_trap(); }

TEST(begin, exceptions_go_to_the_handler_too)
{
    long e = quire_call(endpoint_create), p = faulting(e, 0, illegal_then_exit);
    struct message m = {.info = 0};

    EXPECT_EQ(message_receive((int)e, &m), QUIRE_GOT_CALL);
    EXPECT_EQ(QUIRE_FAULT_KIND(m.word[0]), QUIRE_FAULT_EXCEPTION);
    m = (struct message){.word = {QUIRE_FAULT_END}};
    EXPECT_EQ(message_reply(-1, &m), 0);
    EXPECT(WIFSIGNALED(status_of(p)));
    quire_call(close, p);
    quire_call(close, e);
}

static void two_calls(void)
{
    long id = quire_call(getpid);
    quire_call(exit, id == 4711 && quire_call(nop) == 0 ? 0 : 9);
}

TEST(begin, a_tracer_sees_system_calls_and_may_answer_them_itself)
{
    long e = quire_call(endpoint_create), p = faulting(e, QUIRE_FAULTS_TRACE, two_calls);
    struct message m = {.info = 0};
    unsigned long seen[8] = {0}, results = 0;
    unsigned nr = 0;

    for (;;) {
        EXPECT_EQ(message_receive((int)e, &m), QUIRE_GOT_CALL);
        unsigned long kind = QUIRE_FAULT_KIND(m.word[0]), number = m.word[1];
        if (kind == QUIRE_FAULT_SYSTEM_CALL && nr < 8)
            seen[nr++] = number;
        results += kind == QUIRE_FAULT_RESULT;
        m = (struct message){.word = {QUIRE_FAULT_RESUME}};
        if (kind == QUIRE_FAULT_SYSTEM_CALL && number == QUIRE_SYS_getpid)
            m = (struct message){.word = {QUIRE_FAULT_SKIP, 4711}};
        EXPECT_EQ(message_reply(-1, &m), 0);
        if (number == QUIRE_SYS_exit)
            break;
    }
    EXPECT_EQ(nr, 3);
    EXPECT_EQ(seen[0], QUIRE_SYS_getpid);
    EXPECT_EQ(seen[1], QUIRE_SYS_nop);
    EXPECT_EQ(results, 2);
    EXPECT_EQ(status_of(p), 0);
    quire_call(close, p);
    quire_call(close, e);
}

TEST(begin, a_tracer_that_goes_changes_no_register)
{
    long e = quire_call(endpoint_create), p = faulting(e, QUIRE_FAULTS_TRACE, exit_four);

    quire_call(sleep, 1000000); /* its call waits in the queue by now */
    quire_call(close, e);
    EXPECT_EQ(status_of(p), 4 << 8);
    quire_call(close, p);
}

static void call_a_server_that_is_gone(void)
{
    struct message m = {.info = 0};
    long e = quire_call(endpoint_create);
    long result = message_send((int)e, &m);
    quire_call(exit, result == -EAGAIN ? 0 : 1);
}

TEST(begin, a_traced_thread_may_send_messages_itself)
{
    long e = quire_call(endpoint_create), p = faulting(e, QUIRE_FAULTS_TRACE, call_a_server_that_is_gone);
    struct message m = {.info = 0};
    unsigned long number;

    do {
        EXPECT_EQ(message_receive((int)e, &m), QUIRE_GOT_CALL);
        number = m.word[1];
        m = (struct message){.word = {QUIRE_FAULT_RESUME}};
        EXPECT_EQ(message_reply(-1, &m), 0);
    } while (number != QUIRE_SYS_exit);
    EXPECT_EQ(status_of(p), 0);
    quire_call(close, p);
    quire_call(close, e);
}
