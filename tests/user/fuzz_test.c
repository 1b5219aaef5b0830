/* SPDX-License-Identifier: MIT */
/* The fuzzer in small portions, each with seeds of its own; the kernel compares frames and objects
 * after each as well. */
#include "child.h"
#include <stdio.h>

static void fuzz(const char *calls, int seed, const char *players)
{
    char number[16];
    const char *const argv[] = {"fuzz", calls, number, players, "test", NULL};

    snprintf(number, sizeof(number), "%d", seed);
    pid_t pid = spawn("bin/fuzz", (char *const *)argv);
    int status = -1;

    ASSERT(pid > 0);
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
}

#define PORTION(n)                                                                                 \
    TEST(fuzz, portion_##n) { fuzz("8000", n, "1"); }
PORTION(1)
PORTION(2)
PORTION(3)
PORTION(4)
PORTION(5)
PORTION(6)
PORTION(7)
PORTION(8)
PORTION(9)
PORTION(10)
PORTION(11)
PORTION(12)
PORTION(13)
