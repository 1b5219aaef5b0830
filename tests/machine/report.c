/* SPDX-License-Identifier: MIT */
/*
 * The messages of a test, and its verdict: KTAP 1. A test has failed as soon as one of its threads says so, and this
 * can't be undone; a skipped test can still fail afterwards. Its lines are kept, and printed directly before the
 * verdict that they explain, as KTAP says.
 *
 * Any thread of a test may say something at any time, also in the middle of a panic: nothing here takes a lock.
 */
#include "runner.h"
#include <quire/console.h>
#include <quire/log.h>
#include <quire/percpu.h>
#include <quire/plural.h>
#include <quire/printf.h>
#include <quire/string.h>
#include <arch-generic/machine.h>

#define DIAG_LINES 24

struct test_results test_results;

static struct {
    u64 number;
    char name[MAX_NAME];
    const char *file;
    u64 line, seed;
} test;

static struct {
    bool failed, skipped;
    char skip_reason[128];
} verdict;

static struct {
    char line[DIAG_LINES][160];
    unsigned nr; /* number of lines, also of those that found no room */
} diag;

void report_begin(const struct test_id *id)
{
    memset(&verdict, 0, sizeof(verdict));
    memset(&diag, 0, sizeof(diag));
    strlcpy(test.name, id->name, sizeof(test.name));
    test.number = id->number;
    test.file = id->file;
    test.line = id->line;
    test.seed = id->seed;
}

const char *report_file(void) { return test.file; }

/* --- a test speaks ----------------------------------------------------------------------------- */
void test_diag(const char *fmt, ...)
{
    unsigned n = __atomic_fetch_add(&diag.nr, 1, __ATOMIC_RELAXED);
    va_list args;

    if (n >= DIAG_LINES)
        return;
    va_start(args, fmt);
    vsnprintf(diag.line[n], sizeof(diag.line[n]), fmt, args);
    va_end(args);
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
    char text[140];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    verdict.failed = true;
    test_diag("%s:%d: %s", file, line, text);
}

void test_runner_fail(void) { verdict.failed = true; }
bool test_has_failed(void) { return verdict.failed; }

void report_skip(const char *reason)
{
    verdict.skipped = true;
    strlcpy(verdict.skip_reason, reason, sizeof(verdict.skip_reason));
}

bool report_is_skip(void) { return verdict.skipped; }

/* --- the report is printed --------------------------------------------------------------------- */
void report_diag(void)
{
    for (unsigned i = 0; i < diag.nr && i < DIAG_LINES; i++)
        kprint_line("# %s\n", diag.line[i]);
    if (diag.nr > DIAG_LINES)
        kprint_line("# (%u more lines)\n", diag.nr - DIAG_LINES);
}

void report_test(void)
{
    bool skipped = verdict.skipped && !verdict.failed;

    test_results.run++;
    if (verdict.failed)
        test_results.failed++;
    else if (skipped)
        test_results.skipped++;
    else
        test_results.passed++;
    report_diag();
    if (verdict.failed)
        kprint_line("# at %s:%lu; seed %lu, %u CPU%s\n", test.file, test.line, test.seed, nr_cpus, plural(nr_cpus));
    kprint_line("%s %lu %s%s%s\n", verdict.failed ? "not ok" : "ok", test.number, test.name, skipped ? " # SKIP " : "",
                skipped ? verdict.skip_reason : "");
}

void __noreturn report_and_power_off(void)
{
    verdict.failed = true;
    report_test();
    kprint_line("# the machine ends here; the rest runs in a fresh one\n");
    machine_poweroff(PANIC_STATUS);
}
