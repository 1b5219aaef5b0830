/* SPDX-License-Identifier: MIT */
/*
 * A test that panics, faults or hangs: the kernel first calls these hooks of <quire/upcalls.h>.
 *
 * A test that faults or hangs with no lock held is given up, and the next one runs; with a lock held, or inside an
 * interrupt handler, the machine ends, and the test runner boots it again with from=. A panic ends the machine, with
 * the test's report as the last output, unless the test expected the panic.
 */
#include "runner.h"
#include <quire/ksyms.h>
#include <quire/plural.h>
#include <quire/printf.h>
#include <quire/spinlock.h>
#include <quire/string.h>
#include <quire/thread.h>
#include <quire/upcalls.h>
#include <arch-generic/machine.h>

/* --- expected panics --------------------------------------------------------------------------- */
static struct { /* what run_threads.doomed does */
    const char *text;
    void (*fn)(void *);
    void *arg;
    bool panicked;
} expected;

static void run_doomed(void *unused)
{
    (void)unused;
    expected.fn(expected.arg);
    WRITE_ONCE(run_threads.doomed, NULL);
}

bool test_panics(const char *text, void (*fn)(void *), void *arg)
{
    struct thread *t = thread_create("doomed", NULL, PRIORITY_USER, run_doomed, NULL);

    if (!t)
        return false;
    expected.text = text;
    expected.fn = fn;
    expected.arg = arg;
    expected.panicked = false;
    WRITE_ONCE(run_threads.doomed, t);
    thread_start_on(t, this_cpu()->cpu);
    while (READ_ONCE(run_threads.doomed) && arch_clock_ns() < run_time.deadline_ns)
        thread_yield();
    return expected.panicked;
}

/* Only a thread can be given up, and only outside interrupt handlers. */
void test_hook_expected(const char *text)
{
    struct thread *self = current_thread();

    if (!self || self != READ_ONCE(run_threads.doomed) || this_cpu()->irq_depth || !strstr(text, expected.text))
        return;
    this_cpu()->locks.nr = 0;
    expected.panicked = true;
    WRITE_ONCE(run_threads.doomed, NULL);
    thread_exit();
}

/* --- faults and hangs -------------------------------------------------------------------------- */
static bool is_test_thread(void)
{
    struct thread *self = current_thread();
    return run_in_kernel() && (self == run_threads.test || self == run_threads.doomed);
}

static void __noreturn give_up(bool can_go_on)
{
    test_runner_fail();
    test_allow_leak("what it held is lost; the fault is the news");
    if (!can_go_on || locks_held()) {
        test_diag("it held %u lock%s, so the machine can't go on", locks_held(), plural(locks_held()));
        if (locks_held())
            test_diag("held: %s", locks_text());
        report_and_power_off();
    }
    this_cpu()->irq_depth = 0;
    if (current_thread() == run_threads.doomed)
        WRITE_ONCE(run_threads.doomed, NULL);
    run_end();
}

static void diag_location(struct trapframe *tf)
{
    u64 offset = 0;
    const char *name = ksym_name(tf_pc(tf), &offset);
    test_diag("in %s+0x%lx (pc 0x%lx)", name ? name : "?", offset, tf_pc(tf));
}

void test_hook_fault(struct trapframe *tf, vaddr_t addr, unsigned access)
{
    char text[80];

    snprintf(text, sizeof(text), "fault: the kernel tried to %s 0x%lx",
             access == ACCESS_WRITE ? "write" : access == ACCESS_EXEC ? "run" : "read", addr);
    test_hook_expected(text);
    if (!is_test_thread() || current_thread() == run_threads.doomed) /* a doomed thread is to panic */
        return;
    test_diag("%s", text);
    diag_location(tf);
    give_up(this_cpu()->irq_depth == 0);
}

void test_hook_exception(struct trapframe *tf, const char *what, vaddr_t addr)
{
    if (!is_test_thread())
        return;
    test_diag("fault: %s at 0x%lx", what, addr);
    diag_location(tf);
    give_up(this_cpu()->irq_depth == 0);
}

void test_hook_overflow(struct trapframe *tf)
{
    if (!is_test_thread())
        return;
    test_diag("kernel stack overflow, stack pointer 0x%lx", tf_sp(tf));
    give_up(false);
}

void (*test_in_tick)(void);

void test_hook_tick(void)
{
    void (*in_tick)(void) = READ_ONCE(test_in_tick);

    if (in_tick && is_test_thread())
        in_tick();
    if (!is_test_thread() || arch_clock_ns() < run_time.deadline_ns)
        return;
    test_diag("hang: still computing after %lu ms of guest time", run_options.limit_ns / NS_PER_MS);
    give_up(true);
}

/* --- other panics ------------------------------------------------------------------------------ */
/* A panic while a test runs belongs to it. */
void test_hook_panic(const char *text)
{
    if (!run_in_kernel())
        return;
    test_diag("panic: %s", text);
    test_runner_fail();
}

void test_hook_panic_end(void)
{
    if (run_in_kernel())
        report_test();
}
