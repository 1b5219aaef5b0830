/* SPDX-License-Identifier: MIT */
/* Processes that don't end by themselves: killed by others, or by what they do. */
#include "child.h"
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <quire/message.h>
#include <quire/thread.h>
#include <code.h>

/* --- killing --------------------------------------------------------------------------- */
TEST(process, a_spinning_process_is_killed)
{
    pid_t pid = fork();

    if (pid == 0)
        for (;;)
            ;
    usleep(100);
    expect_killed(pid);
}

TEST(process, a_sleeping_process_is_killed)
{
    pid_t pid = fork();

    if (pid == 0)
        sleep(1000);
    usleep(100);
    expect_killed(pid);
}

TEST(process, a_process_that_waits_for_input_is_killed)
{
    char line[10];
    pid_t pid = fork();

    if (pid == 0)
        read(0, line, sizeof(line));
    usleep(100);
    expect_killed(pid);
}

TEST(process, a_process_that_waits_for_its_child_is_killed)
{
    volatile pid_t *grandchild = (volatile pid_t *)map_shared(PAGE);
    volatile int *end = (volatile int *)(grandchild + 1);
    pid_t pid = fork();

    if (pid == 0) {
        *grandchild = fork();
        if (*grandchild == 0) {
            while (!*end)
                sched_yield();
            _exit(0);
        }
        wait(NULL);
    }
    usleep(100);
    expect_killed(pid);
    *end = 1;
}

/* Nobody else holds a handle to them: without this, they would stay for ever. */
TEST(process, a_kill_reaches_children_of_children)
{
    volatile int *ready = (volatile int *)map_shared(PAGE);
    struct quire_process p;
    pid_t pid = fork();

    if (pid == 0) {
        for (int i = 0; i < 2; i++)
            if (fork() == 0) {
                __atomic_fetch_add(ready, 1, __ATOMIC_RELAXED);
                if (i == 0 && fork() == 0)
                    __atomic_fetch_add(ready, 1, __ATOMIC_RELAXED);
                for (;;)
                    sleep(1000);
            }
        sleep(1000);
    }
    while (*ready < 3)
        sched_yield();
    expect_killed(pid);
    for (long i = 0; quire_call(process_info, i, &p) == 0;) {
        i = p.id > (uint64_t)pid && !p.exited ? 0 : i + 1; /* again, until no descendant lives */
        sched_yield();
    }
}

/* tests/runner/boot.py looks for the line on the console, behind the one prefix that a program's lines have. */
TEST(process, a_long_line_is_written_whole)
{
    char line[201];

    for (int i = 0; i < 200; i++)
        line[i] = (char)('0' + i % 10);
    line[200] = '\n';
    EXPECT_EQ(write(1, line, sizeof(line)), sizeof(line));
}

TEST(process, a_long_write_is_killed)
{
    const size_t bytes = 8 * MIB, piece = 32 * KIB;
    char *text = map_pages(bytes, PROT_READ | PROT_WRITE);

    memset(text, '.', bytes);
    long begin = quire_call(clock);
    EXPECT_EQ(write(1, text, piece), (ssize_t)piece);
    long all = (quire_call(clock) - begin) * (long)(bytes / piece); /* that long the whole write takes, about */
    pid_t pid = fork();
    if (pid == 0) {
        write(1, text, bytes);
        _exit(0);
    }
    usleep(300);
    begin = quire_call(clock);
    expect_killed(pid);
    EXPECT(quire_call(clock) - begin < all / 4);
}

TEST(process, kill_reaches_children_only)
{
    EXPECT_EQ(kill(1, SIGKILL), -1);
    EXPECT_EQ(errno, ESRCH);
    int status = IN_CHILD(_exit(kill(getppid(), SIGKILL) == -1 ? errno : 0)); /* a parent is no child */
    EXPECT_EQ(WEXITSTATUS(status), EPERM);
    EXPECT_CALL(-EBADF, kill, -1);
    EXPECT_CALL(-EBADF, kill, 1);
}

TEST(process, signal_0_only_looks)
{
    pid_t pid = fork();

    if (pid == 0)
        for (;;)
            sched_yield();
    EXPECT_EQ(kill(pid, 0), 0);
    EXPECT_EQ(kill(getpid(), 0), 0);
    EXPECT_EQ(kill(pid, 99), -1);
    EXPECT_EQ(errno, EINVAL);
    expect_killed(pid);
    EXPECT_EQ(kill(pid, 0), -1);
    EXPECT_EQ(errno, ESRCH);
}

TEST(process, a_signal_to_itself_ends_a_process)
{
    EXPECT_DIES(SIGABRT, abort());
    EXPECT_DIES(SIGTERM, kill(getpid(), SIGTERM));
    EXPECT_DIES(SIGUSR1, raise(SIGUSR1));
    EXPECT_EQ(IN_CHILD(raise(0)), 0);
}

/* --- faults ---------------------------------------------------------------------------- */
static volatile uintptr_t nowhere; /* volatile: the compiler must not know that it is null */

static void jump_to(uintptr_t where) { ((void (*)(void))where)(); }

static int __attribute__((noinline)) recurse(int depth)
{
    volatile char room[2000];

    room[0] = (char)depth;
    return depth ? recurse(depth - 1) + room[0] : 0;
}

TEST(process, null_pointers_kill_by_signal_11)
{
    EXPECT_DIES(SIGSEGV, *(volatile int *)nowhere);
    EXPECT_DIES(SIGSEGV, *(volatile int *)nowhere = 1);
    EXPECT_DIES(SIGSEGV, *(volatile char *)(nowhere + 4095) = 1);
    EXPECT_DIES(SIGSEGV, jump_to(nowhere));
}

TEST(process, kernel_addresses_kill_by_signal_11)
{
    static const uintptr_t somewhere[] = {~0ul - 4095, 1ul << 63, 0xffffffff80200000ul, 0x7fffffffffff000ul};

    for (int i = 0; i < 4; i++) {
        EXPECT_DIES(SIGSEGV, (void)*(volatile char *)somewhere[i]);
        EXPECT_DIES(SIGSEGV, *(volatile char *)somewhere[i] = 1);
    }
}

TEST(process, program_text_and_constants_cannot_be_written)
{
    volatile uintptr_t text = (uintptr_t)recurse, constant = (uintptr_t) "constant";

    EXPECT_DIES(SIGSEGV, *(volatile char *)text = 1);
    EXPECT_DIES(SIGSEGV, *(volatile char *)constant = 1);
}

TEST(process, a_stack_that_overflows_kills_by_signal_11) { EXPECT_DIES(SIGSEGV, nowhere = (uintptr_t)recurse(100000)); }

TEST(process, leaving_the_address_space_kills)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        CODE_ESCAPE();
        _exit(0);
    }
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT(WIFSIGNALED(status));
}

TEST(process, an_unknown_instruction_kills_by_signal_4) { EXPECT_DIES(SIGILL, CODE_ILLEGAL()); }

/* --- what a killed thread sees ------------------------------------------------------------------------- */
static int *interrupted; /* how often -EINTR came back; shared with the children */

static void receive_again_and_again(void *endpoint)
{
    for (;;) {
        struct message m = {.info = QUIRE_INFO_LIMIT_US(1)};
        if (message_receive((int)(long)endpoint, &m) == -EINTR)
            __atomic_add_fetch(interrupted, 1, __ATOMIC_RELAXED);
    }
}

TEST(process, a_thread_whose_wait_a_kill_ends_does_not_see_it)
{
    long endpoint = quire_call(endpoint_create);

    interrupted = (int *)map_shared(PAGE);
    for (int round = 0; round < 40; round++) {
        long child = process_fork();
        if (child == QUIRE_IN_CHILD) {
            struct thread others[6];
            for (int i = 0; i < 6; i++)
                thread_start(&others[i], receive_again_and_again, (void *)endpoint);
            receive_again_and_again((void *)endpoint);
        }
        quire_call(sleep, 300000 + round * 1777);
        EXPECT_EQ(quire_call(kill, child), 0);
        EXPECT_EQ(end_of(child), SIGKILL);
    }
    EXPECT_EQ(*interrupted, 0);
}
