/* SPDX-License-Identifier: MIT */
/*
 * Test programs: tests/NAME of the boot archive. `NAME --list` reports the program's tests, `NAME TEST SEED` runs one
 * of them and ends with status 0 unless it has failed.
 *
 * A program reports by the system call test_event, and only the program that is tested may report. So no other program,
 * such as a fuzzer, can report that a test has failed, or that there are more tests.
 */
#include "runner.h"
#include <quire/boot_archive.h>
#include <quire/crash.h>
#include <quire/errno.h>
#include <quire/ksyms.h>
#include <quire/object.h>
#include <quire/printf.h>
#include <quire/process.h>
#include <quire/code_events.h>
#include <quire/string.h>
#include <arch-generic/machine.h>
#include <uapi/quire/abi.h>

#define MAX_PROGRAM_TESTS 128
#define HUNG (1 << 16) /* not a wait status: the program was killed after the time limit */

static struct {
    char name[MAX_PROGRAM_TESTS][MAX_NAME];
    unsigned nr;
    bool open; /* a program says which tests it has */
} list;

/* --- what it reports --------------------------------------------------------------------------- */
/* Processes of the test's own program may report; a program that it starts, such as a fuzzer, may not. */
static bool speaks_for_the_test(const struct process *p)
{
    return test_running() && report_file() && process_runs(p, report_file());
}

static int add_to_list(const char *test)
{
    if (!list.open)
        return -EPERM;
    if (list.nr == MAX_PROGRAM_TESTS)
        return -ENOSPC;
    strlcpy(list.name[list.nr++], test, MAX_NAME);
    return 0;
}

int test_runner_event(unsigned kind, const char *text, u64 value)
{
    (void)value;
    if (!speaks_for_the_test(current_process()))
        return -EPERM;
    switch (kind) {
    case QUIRE_TEST_LIST:
        return add_to_list(text);
    case QUIRE_TEST_FAIL:
        test_runner_fail();
        test_diag("%s", text);
        code_failed(current_process()->mm, 0);
        return 0;
    case QUIRE_TEST_DIAG:
        test_diag("%s", text);
        return 0;
    case QUIRE_TEST_SKIP:
        report_skip(text);
        return 0;
    case QUIRE_TEST_CHECKPOINT:
        test_checkpoint(text);
        return 0;
    case QUIRE_TEST_ALLOW_LEAK:
        test_allow_leak(text);
        return 0;
    default:
        return -EINVAL;
    }
}

/* --- it runs ----------------------------------------------------------------------------------- */
/* Its status, with a limit in time. */
static int wait_for_program(struct process *p)
{
    while (!process_ended(p) && arch_clock_ns() < run_time.deadline_ns)
        thread_sleep_until(MIN(run_time.deadline_ns, arch_clock_ns() + NS_PER_MS));
    bool hung = !process_ended(p);
    if (hung)
        process_kill(p, STATUS_KILLED);
    for (unsigned i = 0; i < 1000 && !process_ended(p); i++)
        thread_sleep_until(arch_clock_ns() + NS_PER_MS);
    return hung ? HUNG : p->status;
}

/* Where the program was when it crashed. Its file has names and lines. */
static void report_crash(const char *path, const struct quire_crash *crash)
{
    struct archive_file file;
    struct crash_line lines[CRASH_LINES];
    char text[SYMBOL_TEXT + 24];
    struct places places;

    if (!crash->name[0] || !archive_find(boot_archive(), path, &file) ||
        !places_in_program(&places, archive_contents(boot_archive(), &file), file.size))
        return;
    unsigned nr = crash_lines(crash, &places, lines);
    for (unsigned i = 0; i < nr; i++) {
        place_text(&places, lines[i].pc, lines[i].is_return, text, sizeof(text));
        test_diag("%s %s", i ? "called from" : "in", text);
    }
}

/* Run a test program with one argument, and the seed; its status, HUNG, or a negative error. */
static int run_program(const char *path, const char *argument)
{
    char args[2 * MAX_NAME], seed[24];
    size_t bytes = 0;
    int err;

    snprintf(seed, sizeof(seed), "%lu", run_options.seed);
    bytes += strlcpy(args, path, MAX_NAME) + 1;
    bytes += strlcpy(args + bytes, argument, MAX_NAME) + 1;
    bytes += strlcpy(args + bytes, seed, sizeof(seed)) + 1;
    struct process *p = process_start(path, &(struct arguments){args, 3, bytes}, &err);
    if (!p)
        return err;
    int status = wait_for_program(p);
    if (process_ended(p) && test_running())
        report_crash(path, &p->crash);
    object_put(&p->object);
    return status;
}

unsigned program_list_tests(const char *path)
{
    list.nr = 0;
    run_begin(0, "list", path, 0);
    list.open = true;
    int status = run_program(path, "--list");
    list.open = false;
    if (status) {
        kprint_line("# %s --list ended with status %d\n", path, status);
        report_diag();
    }
    return list.nr;
}

const char *program_test(unsigned index) { return list.name[index]; }

static void judge_program(int status)
{
    if (status == 0 || (status > 0 && test_has_failed()))
        return;
    test_runner_fail();
    if (status < 0)
        test_diag("the program can't be started: error %d", -status);
    else if (status == HUNG)
        test_diag("hang: not finished after %lu ms of guest time", run_options.limit_ns / NS_PER_MS);
    else if (status & 0x7f)
        test_diag("fault: the test's process died of signal %d; the console says why", status & 0x7f);
    else
        test_diag("the test's process ended with status %d", status >> 8);
}

void run_program_test(const char *path, const char *test, u64 number)
{
    struct books before = run_settled_books();

    run_begin(number, test, path, 0);
    judge_program(run_program(path, test));
    run_check_lock_times(test);
    run_compare_books(before);
    report_test();
}
