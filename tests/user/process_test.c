/* SPDX-License-Identifier: MIT */
/*
 * Processes: starting, copying, ending, waiting, and what happens when something runs out.
 */
#include "child.h"
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <quire/thread.h>
#include <uapi/quire/ipc.h>

static char *const no_arguments[] = {"true", NULL};

/* --- ending and waiting ---------------------------------------------------------------- */
TEST(process, an_exit_status_has_eight_bits)
{
    EXPECT_EQ(IN_CHILD(_exit(0)), 0);
    EXPECT_EQ(IN_CHILD(_exit(1)), 1 << 8);
    EXPECT_EQ(IN_CHILD(_exit(255)), 255 << 8);
    EXPECT_EQ(IN_CHILD(_exit(256 + 3)), 3 << 8);
    EXPECT_EQ(IN_CHILD(_exit(-1)), 255 << 8);
}

TEST(process, wait_for_any_reports_each_child_once)
{
    enum { NR = 8 };
    pid_t pid[NR], ended;
    int status, seen[NR] = {0};

    for (int i = 0; i < NR; i++)
        if ((pid[i] = fork()) == 0)
            _exit(i);
    while ((ended = wait(&status)) > 0)
        for (int i = 0; i < NR; i++)
            if (pid[i] == ended) {
                seen[i]++;
                EXPECT_EQ(WEXITSTATUS(status), i);
            }
    EXPECT_EQ(errno, ECHILD);
    for (int i = 0; i < NR; i++)
        EXPECT_EQ(seen[i], 1);
}

TEST(process, a_child_is_waited_for_once)
{
    int status;

    EXPECT_EQ(wait(&status), -1);
    EXPECT_EQ(errno, ECHILD);
    pid_t pid = fork();
    if (pid == 0)
        _exit(4);
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WEXITSTATUS(status), 4);
    EXPECT_EQ(waitpid(pid, &status, 0), -1);
    EXPECT_EQ(errno, ECHILD);
    EXPECT_EQ(wait(&status), -1);
    EXPECT_EQ(errno, ECHILD);
}

TEST(process, wait_needs_no_status_pointer)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(1);
    EXPECT_EQ(waitpid(pid, NULL, 0), pid);
}

TEST(process, ids_are_unique_and_known_to_both_sides)
{
    volatile pid_t *seen = (volatile pid_t *)map_shared(PAGE);
    pid_t a = fork();

    if (a == 0) {
        seen[0] = getpid();
        _exit(0);
    }
    pid_t b = fork();
    if (b == 0) {
        seen[1] = getpid();
        _exit(0);
    }
    while (wait(NULL) > 0)
        ;
    EXPECT(a != b && a != getpid() && b != getpid());
    EXPECT_EQ(seen[0], a);
    EXPECT_EQ(seen[1], b);
}

TEST(process, orphans_go_on_and_leave_nothing_behind)
{
    volatile int *step = (volatile int *)map_shared(PAGE);
    pid_t pid = fork();

    if (pid == 0) {
        if (fork() == 0) { /* the future orphan */
            while (step[0] == 0)
                sched_yield();
            step[1] = 1;
            _exit(0);
        }
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    step[0] = 1;
    while (step[1] == 0)
        sched_yield();
    EXPECT_EQ(wait(NULL), -1); /* it isn't our child */
}

/* --- starting -------------------------------------------------------------------------- */
TEST(process, spawn_starts_a_program_of_the_archive)
{
    char *const argv[] = {"hello", "7", NULL};
    int status = 0;
    pid_t pid = spawn("bin/hello", argv);

    EXPECT(pid > 0);
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(process, spawn_refuses_what_is_not_there_or_not_a_program)
{
    char long_path[300];

    memset(long_path, 'x', sizeof(long_path));
    long_path[299] = 0;
    EXPECT_REFUSED(ENOENT, spawn("bin/nothing", no_arguments));
    EXPECT_REFUSED(ENOENT, spawn("", no_arguments));
    EXPECT_REFUSED(ENOEXEC, spawn("motd", no_arguments));
    EXPECT_REFUSED(ENAMETOOLONG, spawn(long_path, no_arguments));
    EXPECT_EQ(wait(NULL), -1);
}

TEST(process, arguments_arrive_up_to_their_limits)
{
    enum { MAX_ARGS = 32, MAX_BYTES = 4096 };
    char *argv[MAX_ARGS + 2], bytes[MAX_BYTES + 1];
    int status;

    for (int i = 0; i < MAX_ARGS + 1; i++)
        argv[i] = "a";
    argv[MAX_ARGS + 1] = NULL;
    EXPECT_REFUSED(E2BIG, spawn("bin/true", argv));
    argv[MAX_ARGS] = NULL;
    EXPECT(spawn("bin/true", argv) > 0);
    memset(bytes, 'b', sizeof(bytes));
    argv[0] = bytes;
    argv[1] = NULL;
    bytes[MAX_BYTES] = 0;
    EXPECT_REFUSED(E2BIG, spawn("bin/true", argv));
    bytes[MAX_BYTES - 1] = 0;
    EXPECT(spawn("bin/true", argv) > 0);
    while (wait(&status) > 0)
        EXPECT_EQ(status, 0);
    EXPECT(spawn("bin/true", NULL) > 0); /* none at all */
    EXPECT(wait(&status) > 0 && status == 0);
}

TEST(process, a_spawned_program_gets_the_standard_handles_only)
{
    char *const argv[] = {"sh", "-c", "cat motd", NULL};
    int first = open("motd", O_RDONLY), status;

    EXPECT_EQ(first, QUIRE_SPAWN_HANDLES);
    EXPECT(spawn("bin/sh", argv) > 0); /* its cat would show that this handle exists */
    wait(&status);
    EXPECT_EQ(status, 0);
    close(1);
    close(2);
    EXPECT(spawn("bin/hello", argv) > 0); /* has no console to print to, and takes -c as the number 0 */
    EXPECT(wait(&status) > 0 && status == 0);
}

TEST(process, a_hundred_children_one_after_the_other)
{
    for (int i = 0; i < 100; i++)
        EXPECT_EQ(IN_CHILD(_exit(i)), i << 8);
}

TEST(process, thirty_children_at_once)
{
    int status, ended = 0;

    for (int i = 0; i < 30; i++)
        if (fork() == 0) {
            sched_yield();
            _exit(0);
        }
    while (wait(&status) > 0)
        ended += status == 0;
    EXPECT_EQ(ended, 30);
}

/* --- copies ---------------------------------------------------------------------------- */
TEST(process, a_copy_does_not_see_later_writes_of_either_side)
{
    static int data = 1;
    int on_stack = 1;
    volatile int *step = (volatile int *)map_shared(PAGE);
    char *p = map_pages(200 * KIB, PROT_READ | PROT_WRITE);

    memset(p, 1, 200 * KIB);
    pid_t pid = fork();
    if (pid == 0) {
        while (step[0] == 0)
            sched_yield();
        int wrong = data != 1 || on_stack != 1;
        for (size_t i = 0; i < 200 * KIB; i += PAGE)
            wrong += p[i] != 1;
        memset(p, 3, 200 * KIB);
        data = on_stack = 3;
        _exit(wrong);
    }
    memset(p, 2, 200 * KIB);
    data = on_stack = 2;
    step[0] = 1;
    int status;
    waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(data, 2);
    EXPECT_EQ(on_stack, 2);
    for (size_t i = 0; i < 200 * KIB; i += PAGE)
        EXPECT_EQ(p[i], 2);
}

TEST(process, protection_changes_do_not_undo_copy_on_write)
{
    char *p = map_pages(64 * KIB, PROT_READ | PROT_WRITE);

    memset(p, 1, 64 * KIB);
    EXPECT_EQ(IN_CHILD({
                  mprotect(p, 64 * KIB, PROT_READ);
                  mprotect(p, 64 * KIB, PROT_READ | PROT_WRITE);
                  memset(p, 2, 64 * KIB);
              }),
              0);
    for (size_t i = 0; i < 64 * KIB; i += PAGE)
        EXPECT_EQ(p[i], 1);
}

TEST(process, unmapping_a_copy_leaves_the_original)
{
    char *p = map_pages(64 * KIB, PROT_READ | PROT_WRITE);

    memset(p, 1, 64 * KIB);
    EXPECT_EQ(IN_CHILD(munmap(p, 64 * KIB)), 0);
    EXPECT_EQ(IN_CHILD(madvise(p, 64 * KIB, MADV_DONTNEED); if (p[5]) _exit(1)), 0);
    for (size_t i = 0; i < 64 * KIB; i += PAGE)
        EXPECT_EQ(p[i], 1);
}

TEST(process, copies_of_copies_are_apart)
{
    volatile char *p = map_pages(PAGE, PROT_READ | PROT_WRITE);

    p[0] = 1;
    int status = IN_CHILD({
        p[0]++;
        int inner = IN_CHILD({
            test_checkpoint("three generations of copies");
            p[0]++;
            _exit(p[0]);
        });
        _exit(WEXITSTATUS(inner) * 16 + p[0]);
    });
    EXPECT_EQ(WEXITSTATUS(status), 3 * 16 + 2);
    EXPECT_EQ(p[0], 1);
}

TEST(process, a_page_that_is_nobody_elses_is_written_without_a_copy)
{
    char *p = map_pages(PAGE, PROT_READ | PROT_WRITE);

    madvise(p, PAGE, MADV_NOHUGEPAGE);
    p[0] = 1;
    IN_CHILD(_exit(0));
    uint64_t copies = test_count(COUNTER_FAULT_COW);
    p[0] = 2;
    EXPECT_EQ(test_count(COUNTER_FAULT_COW), copies);
}

/* --- whose status ---------------------------------------------------------------------- */
TEST(process, only_a_parent_learns_a_status)
{
    pid_t first = fork();

    if (first == 0)
        _exit(7);
    int handle = 0; /* the parent's handle to it: no copy of the parent gets this one */
    while (quire_call(process_id, handle) != first)
        handle++;
    EXPECT_EQ(IN_CHILD({
                  int status;
                  if (quire_call(process_status, handle, &status) != -EBADF || waitpid(first, NULL, 0) != -1 ||
                      wait(NULL) != -1)
                      _exit(1);
              }),
              0);
    int status = 0;
    EXPECT_EQ(waitpid(first, &status, 0), first);
    EXPECT_EQ(status, 7 << 8);
}

static pid_t other_child;
static int other_status;

static void wait_for_the_other(void *unused)
{
    (void)unused;
    if (waitpid(other_child, &other_status, 0) != other_child)
        other_status = -1;
}

TEST(process, two_threads_wait_for_two_children)
{
    struct thread t;
    int status = -1;
    pid_t first = fork();

    if (first == 0) {
        usleep(5000);
        _exit(3);
    }
    other_child = fork();
    if (other_child == 0) {
        usleep(2000);
        _exit(4);
    }
    ASSERT_EQ(thread_start(&t, wait_for_the_other, NULL), 0);
    EXPECT_EQ(waitpid(first, &status, 0), first);
    EXPECT_EQ(status, 3 << 8);
    thread_join(&t);
    EXPECT_EQ(other_status, 4 << 8);
}

TEST(process, wait_goes_on_when_the_program_has_closed_every_handle)
{
    EXPECT_EQ(IN_CHILD({
                  pid_t pid = fork();
                  if (pid == 0) {
                      usleep(3000);
                      _exit(6);
                  }
                  for (int i = 0; i < 16; i++)
                      if (quire_call(process_id, i) != pid)
                          close(i);
                  int status = 0;
                  _exit(waitpid(pid, &status, 0) == pid && status == 6 << 8 ? 0 : 1);
              }),
              0);
}

TEST(process, a_very_long_sleep_does_not_end_at_once)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct timespec t = {18446744074l, 0};
        nanosleep(&t, NULL);
        _exit(5);
    }
    usleep(20000);
    expect_killed(pid);
}

TEST(process, the_clock_counts_from_boot)
{
    struct timespec t;

    EXPECT_EQ(clock_gettime(CLOCK_MONOTONIC, &t), 0);
    EXPECT(t.tv_sec < 3600);
}

TEST(process, nobody_ends_the_machine_while_tests_run) { EXPECT_CALL(-EPERM, poweroff, 0); }

TEST(process, process_info_names_the_parent)
{
    struct quire_process p;

    EXPECT_EQ(IN_CHILD({
                  for (long i = 0; quire_call(process_info, i, &p) == 0; i++)
                      if ((pid_t)p.id == getpid())
                          _exit(p.parent != p.id - 1);
                  _exit(2);
              }),
              0);
}

/* --- no more of something -------------------------------------------------------------- */
TEST(process, a_full_handle_table_says_emfile_and_closing_makes_room)
{
    int last = -1, n;

    while ((n = open("motd", O_RDONLY)) >= 0)
        last = n;
    EXPECT_EQ(errno, EMFILE);
    EXPECT_EQ(last, QUIRE_HANDLES_MAX - 1);
    EXPECT_CALL(-EMFILE, memory_create, PAGE);
    EXPECT_REFUSED(EMFILE, spawn("bin/true", no_arguments));
    EXPECT_CALL(-EMFILE, process_clone);
    EXPECT_EQ(close(10), 0);
    EXPECT_EQ(open("motd", O_RDONLY), 10); /* the lowest that is free */
}

/* Spawning fails at each place where it takes a handle; what it has taken until then comes back. */
TEST(process, a_spawn_that_finds_no_handle_keeps_none)
{
    int status, n, last = 0;

    EXPECT(spawn("bin/true", no_arguments) > 0);
    EXPECT(wait(&status) > 0 && status == 0);
    while ((n = (int)quire_call(handle_duplicate, 0, 0, 0)) >= 0)
        last = n;
    for (int room = 0; room < 3; room++) {
        pid_t pid = spawn("bin/true", no_arguments);
        EXPECT_EQ(pid > 0, room >= 1); /* the process's handle */
        if (pid > 0)
            EXPECT(wait(&status) == pid && status == 0);
        else
            EXPECT_EQ(errno, EMFILE);
        for (int i = 0; i < room; i++)
            EXPECT_EQ(quire_call(handle_duplicate, 0, 0, 0), last - room + 1 + i);
        EXPECT_CALL(-EMFILE, handle_duplicate, 0, 0, 0);
        for (int i = 0; i <= room; i++)
            quire_call(close, last - i);
    }
}

TEST(process, a_process_that_wants_all_memory_gets_an_error_and_dies_alone)
{
    struct quire_memory before, after;
    char *answer = map_shared(PAGE);

    answer[0] = 0; /* takes its frame while there is one */
    quire_call(memory_info, &before);
    if (before.frames > 1024 * MIB / PAGE)
        SKIP("takes its time with more than 1 GiB");
    int status = IN_CHILD({
        size_t all = before.frames * PAGE;
        char *p = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        answer[0] = p != MAP_FAILED && madvise(p, all, MADV_POPULATE_WRITE) == -1 && errno == ENOMEM;
        for (size_t i = 0; i < all; i += PAGE)
            p[i] = 1;
    });
    EXPECT_EQ(answer[0], 1);
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    quire_call(memory_info, &after);
    EXPECT(after.free_frames > before.free_frames / 10 * 9); /* the rest is in caches */
}

TEST(process, process_info_tells_on_which_cpu_it_is)
{
    struct quire_process p;

    for (long cpu = 0; quire_call(cpu_pin, cpu) == 0; cpu++)
        for (long i = 0; quire_call(process_info, i, &p) == 0; i++)
            if ((pid_t)p.id == getpid())
                EXPECT_EQ(p.cpu, cpu);
}

TEST(process, process_info_tells_about_this_process)
{
    struct quire_process p;
    int found = 0;

    for (long i = 0; quire_call(process_info, i, &p) == 0; i++)
        if ((pid_t)p.id == getpid()) {
            found++;
            EXPECT_EQ(strcmp(p.name, "process_test"), 0);
            EXPECT_EQ(p.threads, 1);
            EXPECT_EQ(strcmp(p.state, "runs"), 0);
            EXPECT(p.frames > 0 && p.tables > 0 && p.quota_used > 0 && p.quota_used < p.quota_limit);
        }
    EXPECT_EQ(found, 1);
    EXPECT_CALL(-ENOENT, process_info, 1000000, &p);
    EXPECT_CALL(-ENOENT, process_info, -1l, &p);
}

/* --- waiting without waiting --------------------------------------------------------------- */
TEST(process, waitpid_with_wnohang_only_looks)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        usleep(3000);
        _exit(3);
    }
    EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
    EXPECT_EQ(waitpid(-1, &status, WNOHANG | WUNTRACED), 0);
    pid_t seen = 0;
    while (seen == 0)
        seen = waitpid(-1, &status, WNOHANG);
    EXPECT_EQ(seen, pid);
    EXPECT_EQ(WEXITSTATUS(status), 3);
    EXPECT_EQ(waitpid(-1, &status, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
    EXPECT_EQ(waitpid(pid, &status, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
    EXPECT_EQ(waitpid(-1, &status, 64), -1);
    EXPECT_EQ(errno, EINVAL);
}
