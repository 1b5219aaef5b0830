/* SPDX-License-Identifier: MIT */
/*
 * The in-machine test runner. Command line:
 *
 *   test=PATTERN   run the tests whose suite.name matches the shell pattern, then power off
 *   group=FILE     only those of this file (tests/kernel/x_test.c, or tests/x_test for a program)
 *   from=K         start with the K-th of them (after a machine that ended in the middle)
 *   testlist       print every test with its file and power off
 *   seed=N         of test_rand()
 *   limit_ms=N     guest time a test may take (500)
 */
#pragma once

#include <quire/boot_info.h>
#include <quire/inspect.h>
#include <quire/types.h>

struct test_results {
    u64 run, passed, failed, skipped, checks;
};

#if QUIRE_DEBUG
extern struct test_results test_results;
void test_runner_fail(void); /* the test that runs has failed */
bool test_running(void);
/* Where a debugger stops the machine: tests/machine/checkpoint.c, <quire/inspect.h>. */
extern struct inspect_checkpoint inspect_checkpoint;
void checkpoint_even(void);
void checkpoint_odd(void);
bool test_runner_wanted(const struct boot_info *boot);
void __noreturn test_runner_main(const struct boot_info *boot);
/* Run the kernel tests that match the pattern, for the shell. Returns the number of failures. */
s64 test_runner_run(const char *pattern);
/*
 * A report of a test program (system call test_event). -EPERM: the caller isn't the program that is tested, or it lists
 * tests while a test runs. -EINVAL: no such kind. -ENOSPC: too many tests in one program.
 */
int test_runner_event(unsigned kind, const char *text, u64 value);
#else
static inline bool test_runner_wanted(const struct boot_info *boot) { return (void)boot, false; }
static inline void test_runner_main(const struct boot_info *boot) { (void)boot; }
#endif
