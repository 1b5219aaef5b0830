/* SPDX-License-Identifier: MIT */
/*
 * The in-machine test runner: see <quire/test.h> and <quire/test_runner.h>. Output is KTAP 1 with a plan.
 *
 * A test runs in a thread on the runner's own CPU, the first, so that others know which are left to them, and so that
 * the runner's deadline is that CPU's next timer interrupt: a test that never ends is caught there, wherever it loops
 * with interrupts on. One that faults or hangs with no lock held is given up and the next one runs; with a lock held
 * the machine ends, and whoever started it boots again with from=.
 */
#include <quire/test_runner.h>
#if QUIRE_DEBUG
#include <quire/console.h>
#include <quire/elf.h>
#include <quire/errno.h>
#include <quire/glob.h>
#include <quire/guest.h>
#include <quire/log.h>
#include <quire/memory_init.h>
#include <quire/ksyms.h>
#include <quire/kvmap.h>
#include <quire/object.h>
#include <quire/printf.h>
#include <quire/process.h>
#include <quire/slab.h>
#include <quire/code_events.h>
#include <quire/string.h>
#include <quire/sys.h>
#include <quire/test.h>
#include <quire/upcalls.h>
#include <quire/uaccess.h>
#include <arch-generic/machine.h>
#include <uapi/quire/abi.h>

#define MOST_ROUNDS 10000u
#define DEFAULT_LIMIT_MS 500
#define NS_PER_MS 1000000UL
#define SETTLE_NS (5000 * NS_PER_MS) /* a CPU that is busy for so long does something that never ends */
#define MAX_NAME 96
#define MAX_PROGRAM_TESTS 128
#define DIAG_LINES 24

extern const struct test_case __tests_start[], __tests_end[];

struct test_results test_results;
static u32 busy; /* tests run */

static struct {
    const char *pattern; /* terminated copies of the command line's values */
    char pattern_text[128], group[128];
    u64 from, seed, limit_ns, race_places;
    bool list;
} options = {.limit_ns = DEFAULT_LIMIT_MS * NS_PER_MS};

/* The test that runs now. */
static struct {
    struct thread *thread, *runner;
    char name[MAX_NAME];
    const char *file;
    u64 line;
    bool done, failed, skipped, leak_allowed;
    u64 deadline_ns;
    u64 rounds; /* test_gets_ahead() */
    u64 random;
    u64 counters[COUNTER_COUNT];
    char diag[DIAG_LINES][160];
    unsigned nr_diag;
    char skip_reason[128];
    struct {
        struct thread *thread; /* is expected to panic; NULL: none */
        const char *text;
        void (*fn)(void *);
        void *arg;
        bool panicked;
    } doomed;
} now;
static u64 current_number; /* of the test that runs */

/* --- what a test says -------------------------------------------------------------------------- */
static void vdiag(const char *fmt, va_list args)
{
    unsigned n = __atomic_fetch_add(&now.nr_diag, 1, __ATOMIC_RELAXED);
    if (n < DIAG_LINES)
        vsnprintf(now.diag[n], sizeof(now.diag[n]), fmt, args);
}

void test_diag(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vdiag(fmt, args);
    va_end(args);
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
    char text[140];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    now.failed = true;
    test_diag("%s:%d: %s", file, line, text);
}

void test_runner_fail(void) { now.failed = true; }
bool test_has_failed(void) { return now.failed; }
u64 test_race_places(u64 usual) { return options.race_places ? options.race_places : usual; }

void test_gets_ahead(void)
{
    if (now.rounds++ < MOST_ROUNDS)
        now.deadline_ns = arch_clock_ns() + options.limit_ns;
}
bool test_running(void) { return busy; }

static void __noreturn test_machine_ends(void);

static void __noreturn end_test(void)
{
    struct thread *self = current_thread();

    if (self != now.thread) /* a helper thread of the test: only it ends */
        thread_exit();
    now.done = true;
    if (now.runner)
        thread_wake(now.runner);
    thread_exit();
}

void __noreturn test_abort(void)
{
    if (locks_held()) {
        test_diag("the test ended holding %u locks: the machine can't go on", locks_held());
        now.failed = true;
        test_machine_ends();
    }
    now.failed = now.failed || !now.skipped;
    end_test();
}

void __noreturn test_skip(const char *reason)
{
    now.skipped = true;
    strlcpy(now.skip_reason, reason, sizeof(now.skip_reason));
    end_test();
}

/* xorshift64* (Vigna 2016) */
u64 test_rand(void)
{
    u64 x = now.random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    now.random = x;
    return x * 0x2545f4914f6cdd1dUL;
}

u64 test_count(enum counter c) { return counter_read(c) - now.counters[c]; }
void test_allow_leak(const char *why)
{
    now.leak_allowed = true;
    (void)why;
}

/* --- books ------------------------------------------------------------------------------------- */
struct books {
    u64 frames, objects, processes;
};

static struct books read_books(void)
{
    images_release();
    return (struct books){memory_available_frames() + guest_uv_frames(), slab_objects_in_use() - kstack_tables(),
                          processes_in_use()};
}

/*
 * Processes and threads that have been waited for may still be on their way out, and on a busy host a CPU of ours may
 * stand still on that way for long. So time alone says nothing: as long as a CPU has something to do, it isn't over.
 */
static bool settles(unsigned tries, u64 since_ns)
{
    return tries < 20 || (!sched_is_quiet() && arch_clock_ns() - since_ns < SETTLE_NS);
}

static struct books settled_books(void)
{
    struct books before = read_books();
    u64 start = arch_clock_ns();

    for (unsigned tries = 0; settles(tries, start); tries++) {
        thread_sleep_until(arch_clock_ns() + NS_PER_MS / 10);
        struct books now_ = read_books();
        if (now_.frames == before.frames && now_.objects == before.objects && sched_is_quiet())
            break;
        before = now_;
    }
    return before;
}

static void compare_books(struct books before)
{
    struct books after = {0};
    u64 start = arch_clock_ns();

    /* What a test left to others to clean up (ended processes, dead threads) may take a moment. */
    for (unsigned tries = 0; settles(tries, start); tries++) {
        after = read_books();
        if (after.frames == before.frames && after.objects == before.objects)
            return;
        thread_sleep_until(arch_clock_ns() + NS_PER_MS);
    }
    if (now.leak_allowed)
        return;
    now.failed = true;
    test_diag("leak: available frames %lu before, %lu after; kernel objects %lu before, %lu after", before.frames,
              after.frames, before.objects, after.objects);
    test_diag("likely: something taken in this test was never given back (or was given back twice)");
}

/* --- one test ---------------------------------------------------------------------------------- */
static void begin(const char *name, const char *file, u64 line)
{
    memset(&now, 0, sizeof(now));
    code_forget();
    strlcpy(now.name, name, sizeof(now.name));
    now.file = file;
    now.line = line;
    now.runner = current_thread();
    now.random = options.seed * 0x9e3779b97f4a7c15UL + 1;
    for (unsigned c = 0; c < COUNTER_COUNT; c++)
        now.counters[c] = counter_read(c);
    now.deadline_ns = arch_clock_ns() + options.limit_ns;
}

static void print_diag(void)
{
    for (unsigned i = 0; i < now.nr_diag && i < DIAG_LINES; i++)
        kprint_line("# %s\n", now.diag[i]);
    if (now.nr_diag > DIAG_LINES)
        kprint_line("# (%u more lines)\n", now.nr_diag - DIAG_LINES);
}

static void report(u64 number)
{
    const char *verdict = now.failed ? "not ok" : "ok";

    test_results.run++;
    if (now.failed)
        test_results.failed++;
    else if (now.skipped)
        test_results.skipped++;
    else
        test_results.passed++;
    kprint_line("%s %lu %s%s%s\n", verdict, number, now.name, now.skipped && !now.failed ? " # SKIP " : "",
            now.skipped && !now.failed ? now.skip_reason : "");
    print_diag();
    if (now.failed)
        kprint_line("# at %s:%lu; seed %lu, %u CPUs\n", now.file, now.line, options.seed, nr_cpus);
}

/* The state of the kernel can't be trusted: report this test and end the machine. */
static void __noreturn test_machine_ends(void)
{
    now.failed = true;
    report(current_number);
    kprint_line("# the machine ends here; the rest runs in a fresh one\n");
    machine_poweroff(PANIC_STATUS);
}

static void run_case(void *arg)
{
    const struct test_case *test = arg;

    test->fn();
    if (locks_held()) {
        test_diag("the test returned holding %u locks", locks_held());
        test_machine_ends();
    }
    end_test();
}

static void wait_for_test(void)
{
    while (!READ_ONCE(now.done) && arch_clock_ns() < now.deadline_ns)
        thread_sleep_until(now.deadline_ns);
    if (READ_ONCE(now.done))
        return;
    now.failed = true;
    now.leak_allowed = true;
    test_diag("hang: not finished after %lu ms of guest time; it waits for something that never comes",
              options.limit_ns / NS_PER_MS);
}

static void run_kernel_test(const struct test_case *test, u64 number)
{
    char name[MAX_NAME];

    snprintf(name, sizeof(name), "%s.%s", test->suite, test->name);
    struct books before = settled_books();
    begin(name, test->file, test->line);
    current_number = number;
    now.thread = thread_create("test", NULL, PRIORITY_USER, run_case, (void *)test);
    if (!now.thread) {
        now.failed = true;
        test_diag("no memory for the test's thread");
    } else {
        thread_start_on(now.thread, this_cpu()->cpu);
        wait_for_test();
        compare_books(before);
    }
    report(number);
}

/* --- expected panics --------------------------------------------------------------------------- */
static void run_doomed(void *unused)
{
    (void)unused;
    now.doomed.fn(now.doomed.arg);
    WRITE_ONCE(now.doomed.thread, NULL);
}

bool test_panics(const char *text, void (*fn)(void *), void *arg)
{
    struct thread *t = thread_create("doomed", NULL, PRIORITY_USER, run_doomed, NULL);

    if (!t)
        return false;
    now.doomed.text = text;
    now.doomed.fn = fn;
    now.doomed.arg = arg;
    now.doomed.panicked = false;
    WRITE_ONCE(now.doomed.thread, t);
    thread_start_on(t, this_cpu()->cpu);
    while (READ_ONCE(now.doomed.thread) && arch_clock_ns() < now.deadline_ns)
        thread_yield();
    return now.doomed.panicked;
}

/* Only a thread can be given up, and only outside interrupt handlers. */
void test_hook_expected(const char *text)
{
    struct thread *self = current_thread();

    if (!self || self != READ_ONCE(now.doomed.thread) || this_cpu()->irq_depth || !strstr(text, now.doomed.text))
        return;
    this_cpu()->locks_held = 0;
    now.doomed.panicked = true;
    WRITE_ONCE(now.doomed.thread, NULL);
    thread_exit();
}

/* --- faults and hangs -------------------------------------------------------------------------- */
static bool is_test_thread(void)
{
    struct thread *self = current_thread();
    return now.thread && !now.done && (self == now.thread || self == now.doomed.thread);
}

static void give_up(struct trapframe *tf, bool can_go_on)
{
    now.failed = true;
    now.leak_allowed = true; /* what it held is lost; the fault is the news */
    if (!can_go_on || locks_held()) {
        test_diag("it held %u locks, so the machine can't go on", locks_held());
        test_machine_ends();
    }
    (void)tf;
    this_cpu()->irq_depth = 0;
    if (current_thread() == now.doomed.thread)
        WRITE_ONCE(now.doomed.thread, NULL);
    end_test();
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
    if (!is_test_thread())
        return;
    test_diag("%s", text);
    diag_location(tf);
    give_up(tf, this_cpu()->irq_depth == 0);
}

void test_hook_exception(struct trapframe *tf, const char *what, vaddr_t addr)
{
    if (!is_test_thread())
        return;
    test_diag("fault: %s at 0x%lx", what, addr);
    diag_location(tf);
    give_up(tf, this_cpu()->irq_depth == 0);
}

void test_hook_overflow(struct trapframe *tf)
{
    if (!is_test_thread())
        return;
    test_diag("kernel stack overflow, stack pointer 0x%lx", tf_sp(tf));
    give_up(tf, false);
}

void test_hook_tick(void)
{
    if (!is_test_thread() || arch_clock_ns() < now.deadline_ns)
        return;
    test_diag("hang: still computing after %lu ms of guest time", options.limit_ns / NS_PER_MS);
    give_up(NULL, true);
}

/* A panic while a test runs belongs to it. */
void test_hook_panic(const char *text)
{
    if (!now.thread || now.done)
        return;
    test_diag("panic: %s", text);
    now.failed = true;
}
void test_hook_panic_end(void)
{
    if (now.thread && !now.done)
        report(current_number);
}

/* --- test programs ----------------------------------------------------------------------------- */
static char program_tests[MAX_PROGRAM_TESTS][MAX_NAME];
static unsigned nr_program_tests;
static bool listing; /* a program says which tests it has */

/* A test's own program may report, in whichever process; a program that it starts, a fuzzer for instance, may not. */
static bool speaks_for_the_test(const struct process *p)
{
    return busy && now.file && process_runs(p, now.file);
}

int test_runner_event(unsigned kind, const char *text, u64 value)
{
    if (!speaks_for_the_test(current_process()))
        return -EPERM;
    switch (kind) {
    case QUIRE_TEST_LIST:
        if (!listing)
            return -EPERM;
        if (nr_program_tests == MAX_PROGRAM_TESTS)
            return -ENOSPC;
        strlcpy(program_tests[nr_program_tests++], text, MAX_NAME);
        return 0;
    case QUIRE_TEST_FAIL:
        now.failed = true;
        test_diag("%s", text);
        code_failed(current_process()->mm, 0);
        return 0;
    case QUIRE_TEST_DIAG:
        test_diag("%s", text);
        return 0;
    case QUIRE_TEST_SKIP:
        now.skipped = true;
        strlcpy(now.skip_reason, text, sizeof(now.skip_reason));
        return 0;
    case QUIRE_TEST_CHECKPOINT:
        test_checkpoint(text);
        return 0;
    case QUIRE_TEST_ALLOW_LEAK:
        test_allow_leak(text);
        return 0;
    default:
        (void)value;
        return -EINVAL;
    }
}

/* Run a test program with one argument; its status, or a negative error. HUNG: it was killed after the limit. */
#define HUNG (1 << 16) /* no wait status */
static int run_program(const char *path, const char *argument)
{
    char args[2 * MAX_NAME], seed[24];
    size_t bytes = 0;
    struct process *p;
    int status = 0;

    snprintf(seed, sizeof(seed), "%lu", options.seed);
    bytes += strlcpy(args, path, MAX_NAME) + 1;
    bytes += strlcpy(args + bytes, argument, MAX_NAME) + 1;
    bytes += strlcpy(args + bytes, seed, sizeof(seed)) + 1;
    int err = process_spawn(NULL, path, args, 3, bytes, &p);
    if (err)
        return err;
    while (!process_ended(p) && arch_clock_ns() < now.deadline_ns)
        thread_sleep_until(MIN(now.deadline_ns, arch_clock_ns() + NS_PER_MS));
    bool hung = !process_ended(p);
    if (hung)
        process_kill(p, STATUS_KILLED);
    for (unsigned i = 0; i < 1000 && !process_ended(p); i++)
        thread_sleep_until(arch_clock_ns() + NS_PER_MS);
    status = hung ? HUNG : p->status;
    object_put(&p->object);
    return status;
}

static void judge_program(int status)
{
    if (status == 0 || (status > 0 && now.failed))
        return;
    now.failed = true;
    if (status < 0)
        test_diag("the program can't be started: error %d", -status);
    else if (status == HUNG)
        test_diag("hang: not finished after %lu ms of guest time", options.limit_ns / NS_PER_MS);
    else if (status & 0x7f)
        test_diag("fault: the test's process died of signal %d; the line above says why", status & 0x7f);
    else
        test_diag("the test's process ended with status %d", status >> 8);
}

static void run_program_test(const char *path, const char *test, u64 number)
{
    struct books before = settled_books();

    begin(test, path, 0);
    current_number = number;
    judge_program(run_program(path, test));
    compare_books(before);
    report(number);
}

/* --- all of them ------------------------------------------------------------------------------- */
static bool in_group(const char *file) { return !options.group[0] || strcmp(options.group, file) == 0; }

static bool selected(const char *file, const char *name) { return in_group(file) && glob_match(options.pattern, name); }

static bool is_test_program(const struct initrd_file *f) { return strncmp(f->name, "tests/", 6) == 0; }

enum pass { PASS_COUNT, PASS_LIST, PASS_RUN };

/* Go over all selected tests in order; returns their number. */
static u64 go_over(enum pass pass)
{
    u64 number = 0;
    char name[MAX_NAME];

    for (const struct test_case *t = __tests_start; t < __tests_end; t++) {
        snprintf(name, sizeof(name), "%s.%s", t->suite, t->name);
        if (!selected(t->file, name))
            continue;
        number++;
        if (pass == PASS_LIST)
            kprint_line("test %s %s\n", name, t->file);
        if (pass == PASS_RUN && number >= options.from)
            run_kernel_test(t, number);
    }
    for (unsigned i = 0; initrd_file(i); i++) {
        const struct initrd_file *f = initrd_file(i);
        if (!is_test_program(f) || !in_group(f->name))
            continue;
        nr_program_tests = 0;
        begin("list", f->name, 0);
        listing = true;
        int status = run_program(f->name, "--list");
        listing = false;
        if (status) {
            kprint_line("# %s --list ended with status %d\n", f->name, status);
            print_diag();
        }
        for (unsigned k = 0; k < nr_program_tests; k++) {
            strlcpy(name, program_tests[k], sizeof(name));
            if (!glob_match(options.pattern, name))
                continue;
            number++;
            if (pass == PASS_LIST)
                kprint_line("test %s %s\n", name, f->name);
            if (pass == PASS_RUN && number >= options.from)
                run_program_test(f->name, name, number);
        }
    }
    return number;
}

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

void __noreturn test_runner_main(const struct boot_info *boot)
{
    size_t len;

    strlcpy(options.pattern_text, "*", sizeof(options.pattern_text));
    text_option(boot, "test", options.pattern_text, sizeof(options.pattern_text));
    text_option(boot, "group", options.group, sizeof(options.group));
    options.pattern = options.pattern_text;
    options.from = number_option(boot, "from", 1);
    options.seed = number_option(boot, "seed", 1);
    options.race_places = number_option(boot, "race_places", 0);
    options.limit_ns = number_option(boot, "limit_ms", DEFAULT_LIMIT_MS) * NS_PER_MS;
    console_tests_begin();
    busy = 1;
    thread_pin(0);
    if (boot_option(boot, "testlist", &len)) {
        go_over(PASS_LIST);
        machine_poweroff(0);
    }
    u64 total = go_over(PASS_COUNT);
    kprint_line("KTAP version 1\n1..%lu\n", total);
    go_over(PASS_RUN);
    kprint_line("# passed %lu, failed %lu, skipped %lu\n", test_results.passed, test_results.failed, test_results.skipped);
    machine_poweroff(test_results.failed ? 1 : 0);
}

/* -EBUSY: tests run already; there is one report at a time. */
s64 test_runner_run(const char *pattern)
{
    char name[MAX_NAME];
    u64 number = 0, failed = test_results.failed;

    if (__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE))
        return -EBUSY;
    options.seed = options.seed ? options.seed : 1;
    bool pinned = current_thread()->pinned;
    int cpu = (int)this_cpu()->cpu;
    thread_pin(0);
    for (const struct test_case *t = __tests_start; t < __tests_end; t++) {
        snprintf(name, sizeof(name), "%s.%s", t->suite, t->name);
        if (glob_match(pattern, name))
            run_kernel_test(t, ++number);
    }
    kprint_line("%lu tests, %lu failed\n", number, test_results.failed - failed);
    __atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
    thread_pin(pinned ? cpu : -1);
    return number ? (s64)(test_results.failed - failed) : -ENOENT;
}
#endif
