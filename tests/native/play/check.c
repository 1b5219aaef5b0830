/* SPDX-License-Identifier: MIT */
/* A failed check: its description goes to the runner, and the sequence ends here. */
#include "check.h"
#include "story.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool telling;
static unsigned told;

void tell_line(const char *fmt, ...)
{
    va_list args;

    printf("  %3u. ", ++told);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

static void __attribute__((noreturn)) end_with(const char *why)
{
    printf("  rule: %s\n", why);
    fflush(stdout);
    story_over();
}

void fail(const char *why, const char *fmt, ...)
{
    va_list args;

    printf("  seen: ");
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
    end_with(why);
}

static void print_number(const char *name, long n)
{
    printf("  %s: ", name);
    if (n < 0 && n > -256)
        printf("%s\n", error_name(n));
    else if (n > 0x1000 || n < 0)
        printf("0x%lx\n", (unsigned long)n);
    else
        printf("%ld\n", n);
}

void fail_numbers(const char *file, int line, const char *what, long seen, long expected, const char *why)
{
    const char *base = strstr(file, "tests/native/");

    printf("  %s (%s:%d)\n", what, base ? base : file, line);
    print_number("expected", expected);
    print_number("seen", seen);
    end_with(why);
}
