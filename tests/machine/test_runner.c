/* SPDX-License-Identifier: MIT */
/*
 * Which tests run, and in which order: those of the kernel first, as the linker has put them, then those of each test
 * program. See <quire/test.h> and <quire/test_runner.h>. The place of a test is its number among those that the
 * pattern and the group select. A machine that begins with from= leaves out the places before; its output, KTAP 1 with
 * a plan, numbers from 1 what it runs.
 */
#include "runner.h"
#include <quire/boot_archive.h>
#include <quire/console.h>
#include <quire/errno.h>
#include <quire/glob.h>
#include <quire/log.h>
#include <quire/plural.h>
#include <quire/printf.h>
#include <quire/string.h>
#include <quire/thread.h>

extern const struct test_case __tests_start[], __tests_end[];

static struct {
    char pattern[128], group[128];
    u64 from;
    u64 place; /* that the pass has come to */
} selection;

static bool in_group(const char *file) { return !selection.group[0] || strcmp(selection.group, file) == 0; }

/* --- all of them ------------------------------------------------------------------------------- */
enum pass { PASS_COUNT, PASS_LIST, PASS_RUN };

/* The pass comes to this test: count it if it is selected and not left out. True: it is to run, as number *number. */
static bool comes_to(enum pass pass, const char *name, const char *file, u64 *number)
{
    if (!glob_match(selection.pattern, name) || ++selection.place < selection.from)
        return false;
    ++*number;
    if (pass == PASS_LIST)
        kprint_line("test %s %s\n", name, file);
    return pass == PASS_RUN;
}

static u64 go_over_kernel(enum pass pass)
{
    char name[MAX_NAME];
    u64 number = 0;

    selection.place = 0;
    for (const struct test_case *t = __tests_start; t < __tests_end; t++) {
        snprintf(name, sizeof(name), "%s.%s", t->suite, t->name);
        if (in_group(t->file) && comes_to(pass, name, t->file, &number))
            run_kernel_test(t, number);
    }
    return number;
}

static void go_over_program(enum pass pass, const char *path, u64 *number)
{
    unsigned nr = program_list_tests(path);

    for (unsigned i = 0; i < nr; i++)
        if (comes_to(pass, program_test(i), path, number))
            run_program_test(path, program_test(i), *number);
}

static void begin_report(u64 total) { kprint_line("KTAP version 1\n1..%lu\n", total); }

/* Go over all selected tests in order; returns their number. */
static u64 go_over(enum pass pass)
{
    u64 number = go_over_kernel(pass), at = 0;
    struct archive_file file;

    while (!archive_next(boot_archive(), &at, &file) && file.name)
        if (strncmp(file.name, "tests/", 6) == 0 && in_group(file.name))
            go_over_program(pass, file.name, &number);
    return number;
}

/* --- the command line -------------------------------------------------------------------------- */
static u64 number_option(const struct boot_info *boot, const char *key, u64 fallback)
{
    size_t len;
    const char *p = boot_option(boot, key, &len);
    u64 n = 0;

    for (size_t i = 0; p && i < len; i++)
        n = n * 10 + (u64)(p[i] - '0');
    return p ? n : fallback;
}

static void text_option(const struct boot_info *boot, const char *key, char *to, size_t size)
{
    size_t len;
    const char *p = boot_option(boot, key, &len);

    if (p)
        strlcpy(to, p, MIN(len + 1, size));
}

bool test_runner_wanted(const struct boot_info *boot)
{
    size_t len;
    return boot_option(boot, "test", &len) || boot_option(boot, "testlist", &len);
}

static void read_options(const struct boot_info *boot)
{
    strlcpy(selection.pattern, "*", sizeof(selection.pattern));
    text_option(boot, "test", selection.pattern, sizeof(selection.pattern));
    text_option(boot, "group", selection.group, sizeof(selection.group));
    selection.from = number_option(boot, "from", 1);
    run_options.seed = number_option(boot, "seed", 1);
    run_options.race_places = number_option(boot, "race_places", 0);
    run_options.lock_limit_ns = number_option(boot, "lock_limit_us", 0) * 1000;
    run_options.limit_ns = number_option(boot, "limit_ms", run_options.limit_ns / NS_PER_MS) * NS_PER_MS;
}

void __noreturn test_runner_main(const struct boot_info *boot)
{
    size_t len;

    read_options(boot);
    console_tests_begin();
    run_take();
    thread_pin(0);
    if (boot_option(boot, "testlist", &len)) {
        go_over(PASS_LIST);
        machine_poweroff(0);
    }
    begin_report(go_over(PASS_COUNT));
    go_over(PASS_RUN);
    kprint_line("# passed %lu, failed %lu, skipped %lu\n", test_results.passed, test_results.failed,
                test_results.skipped);
    machine_poweroff(test_results.failed ? 1 : 0);
}

/* --- from the shell ---------------------------------------------------------------------------- */
/* -EBUSY: tests run already; there is one report at a time. */
s64 test_runner_run(const char *pattern)
{
    u64 number, failed = test_results.failed;

    if (!run_take())
        return -EBUSY;
    strlcpy(selection.pattern, pattern, sizeof(selection.pattern));
    run_options.seed = run_options.seed ? run_options.seed : 1;
    bool pinned = current_thread()->pinned;
    int cpu = (int)this_cpu()->cpu;
    thread_pin(0);
    number = go_over_kernel(PASS_COUNT);
    if (number) {
        begin_report(number);
        go_over_kernel(PASS_RUN);
        kprint_line("# %lu test%s, %lu failed\n", number, plural(number), test_results.failed - failed);
    }
    run_let_go();
    thread_pin(pinned ? cpu : -1);
    return number ? (s64)(test_results.failed - failed) : -ENOENT;
}
