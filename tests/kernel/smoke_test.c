/* SPDX-License-Identifier: MIT */
/* The first promises: numbers, strings and the test runner's own helpers work on this machine. */
#include <quire/test.h>
#include <quire/glob.h>
#include <quire/ksyms.h>
#include <quire/log.h>
#include <quire/printf.h>
#include <quire/string.h>
#include <arch-generic/machine.h>

TEST(smoke, numbers_are_printed_as_c_does)
{
    char text[64];

    EXPECT_EQ(snprintf(text, sizeof(text), "%d %u %lx %s|%5d|%-3d|", -7, 7U, 0xabcUL, "x", 42, 1),
              21);
    EXPECT(strcmp(text, "-7 7 abc x|   42|1  |") == 0);
}

TEST(smoke, a_short_buffer_is_terminated)
{
    char text[4];

    EXPECT_EQ(snprintf(text, sizeof(text), "%s", "quire"), 5);
    EXPECT(strcmp(text, "qui") == 0);
}

TEST(smoke, shell_patterns_match_whole_names)
{
    EXPECT(glob_match("buddy.*", "buddy.joins"));
    EXPECT(glob_match("*", ""));
    EXPECT(glob_match("?uddy.joins", "buddy.joins"));
    EXPECT(!glob_match("buddy", "buddy.joins"));
    EXPECT(!glob_match("*.joins", "buddy.splits"));
}

TEST(smoke, time_passes)
{
    u64 before = arch_clock_ns();

    for (unsigned i = 0; i < 100000; i++)
        __asm__ volatile("");
    EXPECT(arch_clock_ns() > before);
}

TEST(smoke, random_numbers_follow_the_seed)
{
    u64 a = test_rand(), b = test_rand();

    EXPECT(a != b);
    EXPECT(a != 0 && b != 0);
}

/* Backtraces and panics name functions by this table. */
TEST(smoke, an_address_has_the_name_of_its_function)
{
    static const struct {
        const char *name;
        const void *start;
    } known[] = {{"kprintf", kprintf}, {"ksym_name", ksym_name}, {"vsnprintf", vsnprintf}, {"memcpy", memcpy}};

    for (unsigned i = 0; i < 4; i++) {
        for (u64 inside = 0; inside < 3; inside++) {
            u64 offset = 99;
            const char *name = ksym_name((vaddr_t)known[i].start + inside, &offset);
            EXPECT(name && !strcmp(name, known[i].name));
            EXPECT_EQ(offset, inside);
        }
    }
    u64 offset;
    EXPECT(!ksym_name(0, &offset));
}
