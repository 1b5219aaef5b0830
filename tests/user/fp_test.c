/* SPDX-License-Identifier: MIT */
/* Floating-point and vector registers belong to a thread: no other thread ever sees or changes them. */
#include "child.h"
#include <quire/fp.h>
#include <quire/thread.h>

#define SPINS 300000l /* about a millisecond */

struct registers {
    unsigned char byte[FP_BYTES];
} __attribute__((aligned(32)));

static void fill(struct registers *r, unsigned seed)
{
    for (int i = 0; i < FP_BYTES; i++)
        r->byte[i] = (unsigned char)(seed * 37 + (unsigned)i * 11 + ((unsigned)i >> 5));
}

/*
 * Rounds of spinning or of a system call. Returns the number of rounds that changed a register.
 */
static int rounds_gone_wrong(unsigned seed, int rounds, long spin, long call)
{
    struct registers in, out;
    int wrong = 0;

    for (int i = 0; i < rounds; i++) {
        fill(&in, seed + (unsigned)i * 8);
        memset(&out, 0, sizeof(out));
        fp_hold(&in, &out, spin, call);
        wrong += memcmp(&in, &out, sizeof(in)) != 0;
    }
    return wrong;
}

TEST(fp, registers_survive_system_calls)
{
    EXPECT_EQ(rounds_gone_wrong(1, 50, 0, QUIRE_SYS_nop), 0);
    EXPECT_EQ(rounds_gone_wrong(1, 50, 0, QUIRE_SYS_yield), 0);
}

TEST(fp, registers_of_programs_that_yield_to_each_other_stay_apart)
{
    int status;

    for (unsigned i = 1; i <= 3; i++)
        if (fork() == 0)
            _exit(rounds_gone_wrong(i, 100, 0, QUIRE_SYS_yield));
    EXPECT_EQ(rounds_gone_wrong(0, 100, 0, QUIRE_SYS_yield), 0);
    while (wait(&status) > 0)
        EXPECT_EQ(status, 0);
}

TEST(fp, registers_survive_being_preempted)
{
    int status;
    uint64_t before = test_count(COUNTER_SWITCHES);

    for (unsigned i = 1; i <= 5; i++) /* more than there are CPUs */
        if (fork() == 0)
            _exit(rounds_gone_wrong(i, 8, SPINS, -1));
    while (wait(&status) > 0)
        EXPECT_EQ(status, 0);
    EXPECT(test_count(COUNTER_SWITCHES) >= before + 10);
}

static int wrong_in_threads;

static void hold_in_thread(void *seed)
{
    int wrong = rounds_gone_wrong((unsigned)(long)seed, 6, SPINS, -1) +
                rounds_gone_wrong((unsigned)(long)seed, 50, 0, QUIRE_SYS_yield);
    __atomic_fetch_add(&wrong_in_threads, wrong, __ATOMIC_RELAXED);
}

TEST(fp, registers_of_threads_stay_apart)
{
    struct thread t[6];

    for (long i = 0; i < 6; i++)
        ASSERT_EQ(thread_start(&t[i], hold_in_thread, (void *)i), 0);
    for (int i = 0; i < 6; i++)
        thread_join(&t[i]);
    EXPECT_EQ(wrong_in_threads, 0);
}

TEST(fp, a_copied_process_has_the_same_registers)
{
    struct registers in, out;

    fill(&in, 5);
    memset(&out, 0, sizeof(out));
    long handle = fp_hold(&in, &out, 0, QUIRE_SYS_process_clone);
    if (handle == QUIRE_IN_CHILD)
        _exit(memcmp(&in, &out, sizeof(in)) != 0);
    ASSERT(handle >= 0);
    EXPECT_EQ(memcmp(&in, &out, sizeof(in)), 0);
    struct quire_start begin = {.nr_same = 3};
    EXPECT_EQ(quire_call(process_start, handle, &begin), 0);
    EXPECT_EQ(end_of(handle), 0);
}

static double series(double x)
{
    double sum = 0;

    for (int i = 1; i < 3000; i++)
        sum += x / i - 1 / (x + i);
    return sum;
}

TEST(fp, programs_compute_the_same_alone_and_together)
{
    double alone[4];
    int status;

    for (int i = 0; i < 4; i++)
        alone[i] = series(i + 0.5);
    for (int i = 0; i < 4; i++)
        if (fork() == 0) {
            int wrong = 0;
            for (int round = 0; round < 10; round++) {
                wrong += series(i + 0.5) != alone[i];
                if (round & 1)
                    quire_call(yield);
            }
            _exit(wrong);
        }
    while (wait(&status) > 0)
        EXPECT_EQ(status, 0);
}
