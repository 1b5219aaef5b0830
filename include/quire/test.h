/* SPDX-License-Identifier: MIT */
/*
 * Tests in the machine, kernel side. A file tests/kernel/NAME_test.c is found, built and run by itself:
 *
 *   TEST(buddy, "a freed block joins its buddy") -- no: names are C identifiers:
 *   TEST(buddy, freed_block_joins_its_buddy) { ... EXPECT_EQ(order, 3); }
 *
 * Each test runs in a thread of its own; afterwards free frames and kernel objects are compared with what they
 * were before, and a difference is a failure. A fault, a panic or a hang costs that one test.
 */
#pragma once

#include <quire/counters.h>
#include <quire/plural.h>
#include <quire/types.h>

struct test_case {
    const char *suite, *name, *file;
    void (*fn)(void);
    u64 line;
};

#define TEST(suite_, name_)                                                                        \
    static void test_##suite_##_##name_(void);                                                     \
    static const struct test_case test_case_##suite_##_##name_ __used                              \
        __section(".tests." #suite_) __aligned(8) = {#suite_, #name_, __FILE__,                    \
                                                     test_##suite_##_##name_, __LINE__};           \
    static void test_##suite_##_##name_(void)

void test_fail(const char *file, int line, const char *fmt, ...) __printf_like(3, 4);
void __noreturn test_abort(void);                        /* end this test now */
void __noreturn test_skip(const char *reason);
void test_diag(const char *fmt, ...) __printf_like(1, 2); /* a line for the report */
bool test_has_failed(void);                              /* the current test, so far */
void test_gets_ahead(void); /* one round of a long test is done: the time limit starts again, at most 10,000 times */
u64 test_race_places(u64 usual); /* the command line's race_places=; else the usual number */
extern void (*test_in_tick)(void); /* the timer's interrupt handler calls it if it interrupts the test; NULL: none */
u64 test_rand(void);                                     /* the same numbers for the same SEED */
void test_checkpoint(const char *name);                  /* tools outside look at the machine here */
u64 test_count(enum counter c);                          /* events since the test began */
void test_allow_leak(const char *why);                   /* the books may differ after this test; `why` is the reason */

/*
 * Run fn(arg) in a thread of its own, on this CPU, and expect a panic or a fault whose sentence contains `text`:
 * the machine goes on, and the thread is abandoned with all that it held, so the caller must reset locks that the
 * thread took. False: fn returned, or took longer than the test may. A panic with another text remains a panic.
 */
bool test_panics(const char *text, void (*fn)(void *), void *arg);

#define EXPECT_(cond, text, fatal)                                                                    \
    do {                                                                                           \
        if (unlikely(!(cond))) {                                                                   \
            test_fail(__FILE__, __LINE__, "expected: %s", text);                                  \
            if (fatal)                                                                             \
                test_abort();                                                                      \
        }                                                                                          \
    } while (0)
#define EXPECT_REL_(a, op, b, a_text, b_text, fatal)                                                                   \
    do {                                                                                                               \
        s64 test_a_ = (s64)(a), test_b_ = (s64)(b);                                                                    \
        if (unlikely(!(test_a_ op test_b_))) {                                                                         \
            test_fail(__FILE__, __LINE__, "expected %s " #op " %s, seen %ld (0x%lx) and %ld (0x%lx)", a_text, b_text,  \
                      test_a_, (u64)test_a_, test_b_, (u64)test_b_);                                                   \
            if (fatal)                                                                                                 \
                test_abort();                                                                                          \
        }                                                                                                              \
    } while (0)

#define EXPECT(cond) EXPECT_(cond, #cond, 0)
#define ASSERT(cond) EXPECT_(cond, #cond, 1)
#define EXPECT_EQ(a, b) EXPECT_REL_(a, ==, b, #a, #b, 0)
#define ASSERT_EQ(a, b) EXPECT_REL_(a, ==, b, #a, #b, 1)
#define EXPECT_NE(a, b) EXPECT_REL_(a, !=, b, #a, #b, 0)
#define ASSERT_NE(a, b) EXPECT_REL_(a, !=, b, #a, #b, 1)
#define SKIP(reason) test_skip(reason)
#define EXPECT_PANIC(text, fn, arg)                                                                \
    do {                                                                                           \
        if (!test_panics(text, fn, arg))                                                           \
            test_fail(__FILE__, __LINE__, "expected %s to panic with \"%s\"", #fn, text);          \
    } while (0)
/* At most `max` events of this counter since the test began. */
#define EXPECT_COUNT(counter, max)                                                                                     \
    do {                                                                                                               \
        u64 test_n_ = test_count(counter);                                                                             \
        if (unlikely(test_n_ > (u64)(max)))                                                                            \
            test_fail(__FILE__, __LINE__, "expected at most %lu event%s %s, seen %lu", (u64)(max), plural(max),        \
                      counter_name(counter), test_n_);                                                                 \
    } while (0)
