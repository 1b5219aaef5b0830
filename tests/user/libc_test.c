/* SPDX-License-Identifier: MIT */
/* The C library keeps the standard's promises, as far as it makes them. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <quire/command.h>
#include <quire/test.h>

#define EXPECT_TEXT(want, ...)                                                                                         \
    do {                                                                                                               \
        char text_[128];                                                                                               \
        int n_ = snprintf(text_, sizeof(text_), __VA_ARGS__);                                                          \
        if (strcmp(text_, want) != 0)                                                                                  \
            test_fail(__FILE__, __LINE__, "expected \"%s\", seen \"%s\"", want, text_);                                \
        EXPECT_EQ(n_, strlen(want));                                                                                   \
    } while (0)

TEST(libc, printf_prints_numbers_as_asked)
{
    EXPECT_TEXT("42 -7 0", "%d %d %u", 42, -7, 0u);
    EXPECT_TEXT("  42|42  |0042|+42", "%4d|%-4d|%04d|%+d", 42, 42, 42, 42);
    EXPECT_TEXT("ff FF 377 0x10", "%x %X %o 0x%lx", 255u, 255u, 255u, 16ul);
    EXPECT_TEXT("9223372036854775807 -9223372036854775808", "%ld %ld", LONG_MAX, LONG_MIN);
    EXPECT_TEXT("18446744073709551615", "%zu", (size_t)-1);
}

TEST(libc, printf_knows_every_flag)
{
    EXPECT_TEXT("44 -1 4464 -1", "%hhd %hhd %hd %hd", 300, 255, 70000, 65535);
    EXPECT_TEXT("0xff 0XFF 0377 0", "%#x %#X %#o %#x", 255u, 255u, 255u, 0u);
    EXPECT_TEXT(" 5||  003|003  |", "% d|%.0d|%5.3d|%-5.3d|", 5, 0, 3, 3);
    EXPECT_TEXT("        0x10|0x10        |", "%12p|%-12p|", (void *)16, (void *)16);
    int n = -1;
    EXPECT_TEXT("000000000000000000000000000000000000000000000000000000000000000000000017", "%.71d%n%d", 1, &n, 7);
    EXPECT_EQ(n, 71);
}

/* Digits that rounding in steps would get wrong; the native comparison tries a million others (tests/native/libc). */
TEST(libc, printf_prints_floating_point_exactly)
{
    EXPECT_TEXT("1.500000 text", "%f %s", 1.5, "text");
    EXPECT_TEXT("0.1000000000000000055511151231257827", "%.34f", 0.1);
    EXPECT_TEXT("0 2 2 4|1e+23|-0.0", "%.0f %.0f %.0f %.0f|%g|%.1f", 0.5, 1.5, 2.5, 3.5, 1e23, -0.0);
    EXPECT_TEXT("4.940656458412465e-324 1.79769e+308", "%.15e %g", 5e-324, 1.7976931348623157e308);
    EXPECT_TEXT("100000 1e+06 0.0001 1e-05 1.00000", "%g %g %g %g %#g", 100000.0, 999999.5, 1e-4, 1e-5, 1.0);
    EXPECT_TEXT("0x1.8p+0 inf  -INF", "%a %f %5F", 1.5, __builtin_inf(), -__builtin_inf());
    EXPECT_TEXT("0.333333333333333333 1e-4940", "%.18Lf %Lg", 1 / 3.0L, 1e-4940L);
}

TEST(libc, strtod_rounds_to_the_nearest)
{
    char *end;

    EXPECT(strtod("0.1", NULL) == 0.1 && strtod("-1e23", NULL) == -1e23 && strtof("0.1", NULL) == 0.1f);
    EXPECT(strtod("9007199254740993", NULL) == 9007199254740992.0); /* a tie goes to the even one */
    EXPECT(strtod("9007199254740993.00000000000000000000000000000000001", NULL) == 9007199254740994.0);
    EXPECT(strtod("4.9e-324", NULL) == 5e-324 && strtod("0x1.8p1x", &end) == 3 && *end == 'x');
    EXPECT(strtold("1e-4940", NULL) == 1e-4940L);
    errno = 0;
    EXPECT(strtod("1e309", NULL) == __builtin_inf());
    EXPECT_EQ(errno, ERANGE);
    EXPECT(strtod("infinity", &end) > 1e308 && *end == 0);
}

/* 128-bit division is a function of libgcc. */
TEST(libc, the_compilers_own_functions_are_linked)
{
    volatile unsigned __int128 n = (unsigned __int128)7 << 100;

    EXPECT_EQ((unsigned long)(n / 7 >> 100), 1);
}

TEST(libc, a_main_without_a_return_ends_with_0)
{
    char *const argv[] = {"hello", NULL};
    int status = -1;
    pid_t pid = spawn("bin/hello", argv);

    ASSERT(pid > 0);
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
}

#define NDEBUG
#include <assert.h>
TEST(libc, assert_does_nothing_with_ndebug) { assert(!"looked at"); }
#undef NDEBUG
#include <assert.h>
TEST(libc, assert_ends_with_sigabrt)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        assert(pid > 0);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    EXPECT_EQ(status, 6);
}

TEST(libc, printf_prints_text_as_asked)
{
    EXPECT_TEXT("a bc  |  d", "%c %-4s|%3s", 'a', "bc", "d");
    EXPECT_TEXT("abc 100%", "%.3s %d%%", "abcdef", 100);
    EXPECT_TEXT("  ab", "%*.*s", 4, 2, "abcdef");
}

TEST(libc, snprintf_cuts_and_says_how_long_it_would_be)
{
    char text[8] = "xxxxxxx";

    EXPECT_EQ(snprintf(text, 4, "%s", "abcdef"), 6);
    EXPECT_EQ(strcmp(text, "abc"), 0);
    EXPECT_EQ(text[4], 'x');
    EXPECT_EQ(snprintf(NULL, 0, "%d", 12345), 5);
}

TEST(libc, printf_prints_lines_longer_than_its_buffer)
{
    char line[1501];

    memset(line, '.', 1500);
    line[1500] = 0;
    EXPECT_EQ(printf("%s\n", line), 1501);
}

TEST(libc, string_functions_find_and_compare)
{
    const char *s = "bare metal";

    EXPECT_EQ(strlen(s), 10);
    EXPECT_EQ(strnlen(s, 4), 4);
    EXPECT_EQ(strchr(s, 'e') - s, 3);
    EXPECT_EQ(strrchr(s, 'e') - s, 6);
    EXPECT(strchr(s, 'z') == NULL && *strchr(s, 0) == 0);
    EXPECT_EQ(strstr(s, "metal") - s, 5);
    EXPECT(strstr(s, "metals") == NULL);
    EXPECT_EQ((const char *)memchr(s, ' ', 10) - s, 4);
    EXPECT(memchr(s, 'l', 9) == NULL);
    EXPECT(strcmp("a", "b") < 0 && strcmp("b", "a") > 0 && strcmp("", "") == 0 && strcmp("\x80", "a") > 0);
    EXPECT(strncmp("abc", "abd", 2) == 0 && strncmp("abc", "abd", 3) < 0);
    EXPECT(memcmp("\x01\xff", "\x01\x02", 2) > 0);
}

TEST(libc, string_functions_copy_no_more_than_they_should)
{
    char to[16];

    memset(to, 'x', sizeof(to));
    strncpy(to, "abc", 6);
    EXPECT_EQ(memcmp(to, "abc\0\0\0x", 7), 0);
    EXPECT_EQ(strlcpy(to, "abcdef", 4), 6);
    EXPECT_EQ(memcmp(to, "abc\0", 4), 0);
    strcat(strcpy(to, "ab"), "cd");
    strncat(to, "efgh", 2);
    EXPECT_EQ(strcmp(to, "abcdef"), 0);
}

/*
 * Every alignment of both sides, every length around the word and the block that the copy loop
 * uses.
 */
TEST(libc, memory_functions_copy_every_alignment_and_length)
{
    static unsigned char from[160], to[160];

    for (int i = 0; i < 160; i++)
        from[i] = (unsigned char)(i * 7 + 1);
    for (size_t a = 0; a < 9; a++)
        for (size_t b = 0; b < 9; b++)
            for (size_t n = 0; n < 140; n += n < 18 ? 1 : 11) {
                memset(to, 0, sizeof(to));
                memcpy(to + a, from + b, n);
                if (memcmp(to + a, from + b, n) || to[a + n] || (a && to[a - 1]))
                    test_fail(__FILE__, __LINE__, "memcpy to %zu from %zu, %zu bytes", a, b, n);
            }
}

TEST(libc, memmove_copies_overlapping_ranges_both_ways)
{
    char want[100], text[100];

    for (int shift = -20; shift <= 20; shift++) {
        for (int i = 0; i < 100; i++)
            want[i] = text[i] = (char)i;
        for (int i = 0; i < 50; i++)
            want[25 + shift + i] = (char)(25 + i);
        memmove(text + 25 + shift, text + 25, 50);
        if (memcmp(want, text, 100) != 0)
            test_fail(__FILE__, __LINE__, "memmove by %d", shift);
    }
}

TEST(libc, strtol_reads_every_base_and_says_where_it_stopped)
{
    char *end;

    EXPECT_EQ(strtol("  -42x", &end, 10), -42);
    EXPECT_EQ(*end, 'x');
    EXPECT_EQ(strtol("0x1F", NULL, 0), 31);
    EXPECT_EQ(strtol("-0x1f", NULL, 16), -31);
    EXPECT_EQ(strtol("017", NULL, 0), 15);
    EXPECT_EQ(strtol("z", NULL, 36), 35);
    EXPECT_EQ(strtol("0x", &end, 0), 0);
    EXPECT_EQ(*end, 'x');
    errno = 0;
    EXPECT(strtol("12", NULL, 1) == 0 && errno == EINVAL);
    errno = 0;
    EXPECT(strtol("12", NULL, 37) == 0 && errno == EINVAL);
    const char *none = "  +";
    EXPECT_EQ(strtol(none, &end, 10), 0);
    EXPECT(end == none);
    EXPECT_EQ(atoi("123abc"), 123);
}

TEST(libc, strtol_stops_at_the_ends_of_its_range)
{
    errno = 0;
    EXPECT_EQ(strtol("9223372036854775807", NULL, 10), LONG_MAX);
    EXPECT_EQ(strtol("-9223372036854775808", NULL, 10), LONG_MIN);
    EXPECT_EQ(errno, 0);
    EXPECT_EQ(strtol("9223372036854775808", NULL, 10), LONG_MAX);
    EXPECT_EQ(errno, ERANGE);
    EXPECT_EQ(strtol("-99999999999999999999", NULL, 10), LONG_MIN);
    EXPECT_EQ(strtoul("18446744073709551615", NULL, 10), -1L);
    errno = 0;
    EXPECT_EQ(strtoul("18446744073709551616", NULL, 10), -1L);
    EXPECT_EQ(errno, ERANGE);
}

TEST(libc, malloc_gives_aligned_blocks_that_do_not_overlap)
{
    enum { NR = 64 };
    unsigned char *block[NR];
    size_t bytes[NR];

    for (int i = 0; i < NR; i++) {
        bytes[i] = i % 16 == 15 ? 70000 : test_rand() % 3000;
        block[i] = malloc(bytes[i]);
        ASSERT(block[i] != NULL);
        EXPECT_EQ((uintptr_t)block[i] % 16, 0);
        memset(block[i], i, bytes[i]);
    }
    for (int i = 0; i < NR; i++) {
        for (size_t k = 0; k < bytes[i]; k += 97)
            EXPECT_EQ(block[i][k], i);
        free(block[i]);
    }
}

TEST(libc, freed_blocks_are_used_again)
{
    void *first = malloc(100);

    free(first);
    EXPECT(malloc(100) == first);
    free(NULL);
}

TEST(libc, calloc_gives_zeros_and_refuses_an_overflow)
{
    char *p = malloc(1000);

    memset(p, 1, 1000);
    free(p);
    p = calloc(10, 100);
    for (int i = 0; i < 1000; i++)
        EXPECT_EQ(p[i], 0);
    errno = 0;
    EXPECT(calloc((size_t)-1 / 2, 3) == NULL);
    EXPECT_EQ(errno, ENOMEM);
}

TEST(libc, malloc_refuses_what_no_machine_has)
{
    errno = 0;
    EXPECT(malloc((size_t)-1) == NULL);
    EXPECT_EQ(errno, ENOMEM);
    EXPECT(malloc((size_t)-5000) == NULL);
    EXPECT(malloc((size_t)1 << 60) == NULL);
}

TEST(libc, realloc_keeps_the_contents)
{
    char *p = realloc(NULL, 10);

    strcpy(p, "quire");
    for (size_t n = 20; n < 200000; n *= 3)
        p = realloc(p, n);
    EXPECT_EQ(strcmp(p, "quire"), 0);
    char *copy = strdup(p);
    free(p);
    EXPECT_EQ(strcmp(copy, "quire"), 0);
}

static jmp_buf back;
static void __attribute__((noinline)) jump(int value) { longjmp(back, value); }

TEST(libc, longjmp_returns_to_setjmp_with_its_value)
{
    volatile int times = 0;
    int value = setjmp(back);

    times++;
    if (times < 4)
        jump(times - 1);
    /* setjmp itself returned 0; then longjmp's 0 became 1; then 1 and 2 came unchanged. */
    EXPECT_EQ(times, 4);
    EXPECT_EQ(value, 2);
}

TEST(libc, setjmp_keeps_floating_point_variables)
{
    volatile double kept = 1.5;

    if (setjmp(back) == 0) {
        kept *= 2;
        jump(1);
    }
    EXPECT(kept == 3.0);
}

static void end_with_5(void) { _exit(5); }
static void never_reached(void) { _exit(6); }

TEST(libc, exit_calls_what_atexit_noted_in_reverse)
{
    int status;

    if (fork() == 0) {
        atexit(never_reached);
        atexit(end_with_5);
        exit(0);
    }
    wait(&status);
    EXPECT_EQ(WEXITSTATUS(status), 5);
    if (fork() == 0) {
        atexit(never_reached);
        _Exit(7);
    }
    wait(&status);
    EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(libc, characters_have_their_classes)
{
    EXPECT(isdigit('0') && !isdigit('a') && isxdigit('F') && !isxdigit('g'));
    EXPECT(isspace('\n') && !isspace('x') && isblank('\t') && !isblank('\n'));
    EXPECT(isprint(' ') && !isgraph(' ') && ispunct('!') && iscntrl(127));
    EXPECT(toupper('a') == 'A' && tolower('Z') == 'z' && toupper('1') == '1');
}

TEST(libc, fnmatch_understands_shell_patterns)
{
    EXPECT_EQ(fnmatch("mm.*", "mm.fault", 0), 0);
    EXPECT_EQ(fnmatch("*a?c*", "xxabcyy", 0), 0);
    EXPECT_EQ(fnmatch("[a-c]x", "bx", 0), 0);
    EXPECT_EQ(fnmatch("[!a-c]x", "bx", 0), FNM_NOMATCH);
    EXPECT_EQ(fnmatch("a", "ab", 0), FNM_NOMATCH);
}

TEST(libc, command_lines_are_cut_into_words)
{
    char text[] = "  one 'two words' thr\"ee\"e ;; four& five 'six";
    char *line = text;
    struct command c;

    EXPECT(command_next(&line, &c) == NULL);
    ASSERT_EQ(c.argc, 3);
    EXPECT_EQ(strcmp(c.argv[0], "one"), 0);
    EXPECT_EQ(strcmp(c.argv[1], "two words"), 0);
    EXPECT_EQ(strcmp(c.argv[2], "threee"), 0);
    EXPECT(c.argv[3] == NULL && !c.background);
    EXPECT(command_next(&line, &c) == NULL);
    EXPECT_EQ(c.argc, 0);
    EXPECT(command_next(&line, &c) == NULL);
    EXPECT(c.argc == 1 && c.background && strcmp(c.argv[0], "four") == 0);
    EXPECT(command_next(&line, &c) != NULL); /* the quote has no end */
}

/* The standard input is the program of the shell here: a file with many line ends. */
TEST(libc, fgets_reads_one_line_of_a_file)
{
    static char all[65536], line[65536];

    close(0);
    ASSERT_EQ(open("bin/sh", O_RDONLY), 0);
    ASSERT(read(0, all, sizeof(all)) > 0);
    const char *end = memchr(all, '\n', sizeof(all) - 2);
    ASSERT(end != NULL);
    long length = end + 1 - all;
    memset(line, 'z', sizeof(line));
    EXPECT_EQ(lseek(0, 0, SEEK_SET), 0);
    EXPECT_EQ(fgets(line, sizeof(line), stdin), line);
    EXPECT_EQ(memcmp(line, all, (size_t)length), 0);
    EXPECT_EQ(line[length], 0);
    EXPECT_EQ(lseek(0, 0, SEEK_CUR), length);
}

TEST(libc, nanosleep_checks_its_argument)
{
    struct timespec bad = {0, 1000000000}, negative = {-1, 0}, now;

    EXPECT_EQ(nanosleep(&bad, NULL), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(nanosleep(&negative, NULL), -1);
    EXPECT_EQ(clock_gettime(77, &now), -1);
    EXPECT_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
}
