/* SPDX-License-Identifier: MIT */
/*
 * Tests as programs: a file tests/user/NAME_test.c becomes a program tests/NAME_test in the machine; each TEST
 * runs in a fresh process of it, so a fault or a hang costs one test. The kernel prints the verdict, and
 * compares free frames and kernel objects before and after.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <quire/counters.h>
#include <quire/plural.h>
#include <quire/sys.h>

struct test_case {
    const char *suite, *name;
    void (*fn)(void);
    unsigned long pad;
};

#define TEST(suite_, name_)                                                                        \
    static void test_##suite_##_##name_(void);                                                     \
    static const struct test_case test_case_##suite_##_##name_                                     \
        __attribute__((used, no_reorder, section(".tests." #suite_), aligned(8))) = {#suite_, #name_,          \
                                                                         test_##suite_##_##name_, 0}; \
    static void test_##suite_##_##name_(void)

void test_fail(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void test_abort(void) __attribute__((noreturn));
void test_skip(const char *reason) __attribute__((noreturn));
void test_diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
uint64_t test_rand(void);
void test_checkpoint(const char *name);
void test_allow_leak(const char *why); /* for example, a broken frame never comes back */
uint64_t test_count(enum counter c);
const char *test_counter_name(enum counter c);

#define EXPECT_(cond, text, fatal)                                                                    \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            test_fail(__FILE__, __LINE__, "expected: %s", text);                                  \
            if (fatal)                                                                             \
                test_abort();                                                                      \
        }                                                                                          \
    } while (0)
#define EXPECT_REL_(a, op, b, a_text, b_text, fatal)                                                                   \
    do {                                                                                                               \
        long test_a_ = (long)(a), test_b_ = (long)(b);                                                                 \
        if (!(test_a_ op test_b_)) {                                                                                   \
            test_fail(__FILE__, __LINE__, "expected %s " #op " %s, seen %ld (0x%lx) and %ld (0x%lx)", a_text, b_text,  \
                      test_a_, (unsigned long)test_a_, test_b_, (unsigned long)test_b_);                               \
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
#define EXPECT_COUNT(counter, max)                                                                                     \
    do {                                                                                                               \
        uint64_t test_n_ = test_count(counter);                                                                        \
        if (test_n_ > (uint64_t)(max))                                                                                 \
            test_fail(__FILE__, __LINE__, "expected at most %lu event%s %s, seen %lu", (unsigned long)(max),           \
                      plural(max), test_counter_name(counter), (unsigned long)test_n_);                                \
    } while (0)
