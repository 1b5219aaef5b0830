/* SPDX-License-Identifier: MIT */
/* Test programs that go wrong on purpose; see tests/harness/expected.txt. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <quire/test.h>

TEST(harness_program, passes)
{
    EXPECT_EQ(1 + 1, 2);
    EXPECT_NE(1 + 1, 3);
    ASSERT_NE(-1, 1);
}

TEST(harness_program, skips) { SKIP("on purpose"); }

TEST(harness_program, fails) { EXPECT_EQ(6 * 7, 54); }

/* As a file in folders with long names: the message has its end. */
#define LONG_NAME "a folder with a long name/another folder with a long name/a third folder with a long name/" \
                  "a fourth folder with a long name/a fifth folder with a long name/a sixth one/"
TEST(harness_program, fails_in_a_file_with_a_long_name) { test_fail(LONG_NAME "file.c", 7, "expected %s", "words"); }

TEST(harness_program, fails_to_differ) { EXPECT_NE(6 * 7, 42); }

TEST(harness_program, fails_to_differ_and_stops)
{
    ASSERT_NE(2 + 2, 4);
    exit(3); /* an ASSERT that failed lets the test go on */
}

TEST(harness_program, faults)
{
    volatile int *volatile nothing = NULL;
    *nothing = 1;
}

TEST(harness_program, exits_with_3) { exit(3); }

TEST(harness_program, computes_for_ever)
{
    for (;;)
        __asm__ volatile("" ::: "memory");
}

/* Output of a program is no verdict, with or without a newline before it. */
TEST(harness_program, prints_verdicts)
{
    printf("ok 1 harness_program.passes\nnot ok 2 x\nKTAP version 1\n1..0\n");
    printf("half a line");
    fflush(stdout);
    EXPECT_EQ(1, 2);
}

TEST(harness_program, passes_behind_all_of_them) { printf("ok 8 harness_program.nonsense"); }
