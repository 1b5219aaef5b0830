/* SPDX-License-Identifier: MIT */
/*
 * Code that a program generates, 10,000 times: overwritten, run on other CPUs, while the program forks, and handed to
 * another process. Each result is compared with an interpreter. No mapping is writable and executable at once: pages
 * are mapped twice, or change their protection.
 */
#include "child.h"
#include <sched.h>
#include <quire/jit.h>
#include <quire/thread.h>

#define RW (PROT_READ | PROT_WRITE)
#define RX (PROT_READ | PROT_EXEC)
#define NR 4

#define LOAD(x)         __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, value) __atomic_store_n(&(x), value, __ATOMIC_RELEASE)

/* One page seen twice. */
struct code {
    char *writable, *executable;
};

static void map_twice(struct code *c)
{
    int object = (int)quire_call(memory_create, PAGE);

    c->writable = mmap(NULL, PAGE, RW, MAP_SHARED, object, 0);
    c->executable = mmap(NULL, PAGE, RX, MAP_SHARED, object, 0);
    ASSERT(c->writable != MAP_FAILED && c->executable != MAP_FAILED);
    close(object);
}

/* Write program number `seed` to `at`, and synchronise it for this process. */
static void generate(const struct code *c, size_t at, unsigned long seed)
{
    struct jit_insn program[JIT_OPS_MAX];

    jit_invent(program, seed);
    size_t bytes = jit_compile(program, c->writable + at);
    ASSERT(bytes <= JIT_BYTES_MAX);
    ASSERT_EQ(quire_call(cache_sync, c->executable + at, bytes), 0);
}

static unsigned long expected(unsigned long seed, unsigned long x)
{
    struct jit_insn program[JIT_OPS_MAX];

    jit_invent(program, seed);
    return jit_interpret(program, x);
}

static unsigned long run(const char *at, unsigned long x) { return ((jit_function *)(uintptr_t)at)(x); }

TEST(jit, overwritten_code_computes_what_the_bytecode_says)
{
    struct code c;

    map_twice(&c);
    for (unsigned long i = 0; i < 4250; i++) {
        size_t at = test_rand() % ((PAGE - JIT_BYTES_MAX) / 4) * 4;
        unsigned long seed = test_rand(), x = 1 + test_rand() % 10;
        generate(&c, at, seed);
        ASSERT_EQ(run(c.executable + at, x), expected(seed, x));
    }
}

TEST(jit, pages_protected_in_turn)
{
    struct code c;

    c.writable = c.executable = map_pages(PAGE, RW);
    for (unsigned long i = 0; i < 500; i++) {
        ASSERT_EQ(mprotect(c.writable, PAGE, RW), 0);
        struct jit_insn program[JIT_OPS_MAX];
        jit_invent(program, i);
        size_t bytes = jit_compile(program, c.writable);
        ASSERT_EQ(mprotect(c.executable, PAGE, RX), 0);
        ASSERT_EQ(quire_call(cache_sync, c.executable, bytes), 0);
        ASSERT_EQ(run(c.executable, 3), expected(i, 3));
    }
}

/* --- other CPUs ----------------------------------------------------------------------------------- */
static struct code shared;
static unsigned long published, taken[NR], wrong, elsewhere; /* elsewhere: runs on another CPU than the writer's */

static unsigned long cpus; /* online */

static void count_cpus(void)
{
    struct quire_memory m;

    ASSERT_EQ(quire_call(memory_info, &m), 0);
    cpus = m.cpus_online;
}

/* Move the caller to CPU number n modulo the number of CPUs. */
static int go_to_cpu(unsigned long n)
{
    int cpu = (int)(n % cpus);

    EXPECT_EQ(quire_call(cpu_pin, cpu), 0);
    return cpu;
}

/* Code that was written on CPU `from` has just run on CPU `on`. It only counts if the thread is still on that CPU. */
static void note_run(int from, int on)
{
    EXPECT_EQ(sched_getcpu(), on);
    if (from != on)
        __atomic_fetch_add(&elsewhere, 1, __ATOMIC_RELAXED);
}

static void run_what_is_published(void *which)
{
    int here = go_to_cpu((unsigned long)which);

    for (unsigned long seen = 0; seen < 500;) {
        unsigned long now = LOAD(published);
        if (now == seen) {
            sched_yield();
            continue;
        }
        if (run(shared.executable, 5) != expected(now, 5))
            __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
        note_run(0, here);
        seen = now;
        STORE(taken[(long)which], seen);
    }
}

TEST(jit, what_one_thread_generates_all_cpus_run)
{
    struct thread t[NR];

    map_twice(&shared);
    count_cpus();
    go_to_cpu(0); /* the writer's */
    for (long i = 0; i < NR; i++)
        ASSERT_EQ(thread_start(&t[i], run_what_is_published, (void *)i), 0);
    for (unsigned long round = 1; round <= 500; round++) {
        generate(&shared, 0, round);
        STORE(published, round);
        for (int i = 0; i < NR; i++)
            while (LOAD(taken[i]) != round)
                sched_yield();
    }
    for (int i = 0; i < NR; i++)
        thread_join(&t[i]);
    EXPECT_EQ(wrong, 0);
    unsigned long home = 0; /* runners that share the writer's CPU */
    for (int i = 0; i < NR; i++)
        home += (unsigned long)i % cpus == 0;
    EXPECT_EQ(elsewhere, 500 * (NR - home));
}

/* Each thread generates code for itself and runs it on another CPU, which may have run the older code at the same
 * place. */
static void generate_and_wander(void *which)
{
    unsigned long me = (unsigned long)which;

    for (unsigned long i = 0; i < 375; i++) {
        int from = go_to_cpu(me + i);
        generate(&shared, me * 1024, i * NR + me);
        int here = go_to_cpu(me + i + 1 + i % 3);
        if (run(shared.executable + me * 1024, 4) != expected(i * NR + me, 4))
            __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
        note_run(from, here);
    }
}

TEST(jit, threads_that_generate_wander_between_cpus)
{
    struct thread t[NR];

    map_twice(&shared);
    count_cpus();
    for (long i = 0; i < NR; i++)
        ASSERT_EQ(thread_start(&t[i], generate_and_wander, (void *)i), 0);
    for (int i = 0; i < NR; i++)
        thread_join(&t[i]);
    EXPECT_EQ(wrong, 0);
    if (cpus >= 4) /* with fewer CPUs, some steps lead to the same CPU */
        EXPECT_EQ(elsewhere, 375 * NR);
    else
        EXPECT(cpus == 1 || elsewhere >= 375);
}

/* --- processes ------------------------------------------------------------------------------------ */
/* A private page is copied when one side writes: each goes on with its own code. */
TEST(jit, a_process_forks_while_it_generates)
{
    struct jit_insn program[JIT_OPS_MAX];
    char *page = map_pages(PAGE, RW);

    for (unsigned long i = 0; i < 50; i++) {
        for (unsigned long k = 0; k < 5; k++) {
            ASSERT_EQ(mprotect(page, PAGE, RW), 0);
            jit_invent(program, 10 * i + k);
            jit_compile(program, page);
            ASSERT_EQ(mprotect(page, PAGE, RX), 0);
            ASSERT_EQ(quire_call(cache_sync, page, JIT_BYTES_MAX), 0);
            ASSERT_EQ(run(page, 2), expected(10 * i + k, 2));
        }
        pid_t child = fork();
        for (unsigned long k = 5; k < 10; k++) { /* both sides, in any order; the child runs another program */
            unsigned long seed = 10 * i + k + (child ? 0 : 100000);
            int good = mprotect(page, PAGE, RW) == 0;
            jit_invent(program, seed);
            jit_compile(program, page);
            good &= mprotect(page, PAGE, RX) == 0 && quire_call(cache_sync, page, JIT_BYTES_MAX) == 0;
            good &= run(page, 2) == expected(seed, 2);
            if (!child && !good)
                _exit(1);
            EXPECT(good);
        }
        if (!child)
            _exit(0);
        int status = -1;
        waitpid(child, &status, 0);
        ASSERT_EQ(status, 0);
    }
}

struct mailbox {
    unsigned long sent, done, result;
};

/* The code arrives through shared memory; the process that runs it synchronises for its own address space. */
TEST(jit, code_is_handed_to_another_process)
{
    struct mailbox *box = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    map_twice(&shared);
    count_cpus();
    pid_t child = fork();
    int here = go_to_cpu(child == 0);
    for (unsigned long i = 1; child == 0 && i <= 1250; i++) {
        while (LOAD(box->sent) != i)
            sched_yield();
        quire_call(cache_sync, shared.executable, JIT_BYTES_MAX);
        box->result = run(shared.executable, 6);
        note_run(0, here);
        STORE(box->done, i);
    }
    if (child == 0)
        _exit(cpus == 1 || elsewhere == 1250 ? 0 : 1);
    for (unsigned long i = 1; i <= 1250; i++) {
        generate(&shared, 0, i);
        STORE(box->sent, i);
        while (LOAD(box->done) != i)
            sched_yield();
        ASSERT_EQ(box->result, expected(i, 6));
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
}
