/* SPDX-License-Identifier: MIT */
/*
 * The interfaces between the files of the in-machine test runner. Each file may use the files below it in this list:
 *
 *   test_runner.c   the selection and order of tests
 *   programs.c      a test program: its tests, what it reports, its end
 *   hooks.c         a test that panics, faults or hangs
 *   run.c           one test: its threads, its time, the books before and after
 *   report.c        the messages of a test, and its verdict
 *
 * There is one test at a time, so there is one of each struct here. run_begin() and report_begin() set them for the
 * next.
 */
#pragma once

#include <quire/test.h>
#include <quire/test_runner.h>

#define MAX_NAME 96

struct thread;

/* --- report.c ---------------------------------------------------------------------------------- */
/* Identifies a test, with all that is needed to find it and to run it again. */
struct test_id {
    u64 number; /* in the plan of this machine, from 1 */
    const char *name, *file;
    u64 line; /* 0: a program's */
    u64 seed;
};
void report_begin(const struct test_id *id);
const char *report_file(void); /* the file of the test that runs, or ran last; NULL: none yet */
void report_skip(const char *reason);
bool report_is_skip(void);
void report_diag(void); /* print the lines alone */
void report_test(void); /* print the lines, then the verdict; count it */
/* The state of the kernel can't be trusted: report this test, failed, and end the machine. */
void __noreturn report_and_power_off(void);

/* --- run.c ------------------------------------------------------------------------------------- */
struct run_options { /* from the command line */
    u64 seed, limit_ns;
    u64 race_places; /* 0: the test's own number */
    u64 lock_limit_ns; /* a test fails that holds a spinlock for longer; 0: nobody asks */
};
extern struct run_options run_options;

struct run_threads {
    struct thread *runner;
    struct thread *test;   /* NULL: the test is a program */
    struct thread *doomed; /* is expected to panic; NULL: none */
    bool done;             /* the test has ended */
};
extern struct run_threads run_threads;

struct run_time {
    u64 deadline_ns;
    u64 rounds; /* test_gets_ahead() */
};
extern struct run_time run_time;

struct books { /* what must be the same after a test */
    u64 frames, objects;
};

/* One report at a time: false if tests run already. */
bool run_take(void);
void run_let_go(void);
struct books run_settled_books(void);
/* Fails the test if a spinlock was held for longer than run_options.lock_limit_ns. */
void run_check_lock_times(const char *name);
void run_compare_books(struct books before); /* a difference is a failure */
void run_begin(u64 number, const char *name, const char *file, u64 line);
void run_kernel_test(const struct test_case *test, u64 number);
static inline bool run_in_kernel(void) { return run_threads.test && !run_threads.done; }
/* The test is over for the thread that calls this: for a helper of the test only that thread. */
void __noreturn run_end(void);

/* --- programs.c -------------------------------------------------------------------------------- */
/* Ask the program for its tests, and return their number. program_test() is about this program from now on. */
unsigned program_list_tests(const char *path);
const char *program_test(unsigned index);
void run_program_test(const char *path, const char *test, u64 number);
