/* SPDX-License-Identifier: MIT */
/* The fuzzer with several players on CPUs that really run at the same time. */
#include "child.h"
#include <stdio.h>

static void fuzz(const char *seed)
{
    const char *const argv[] = {"fuzz", "30000", seed, "4", "test", NULL};
    pid_t pid = spawn("bin/fuzz", (char *const *)argv);

    int status = -1;

    ASSERT(pid > 0);
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
}

TEST(stressfuzz, four_players_at_once) { fuzz("1"); }
TEST(stressfuzz, four_others_at_once) { fuzz("2"); }
