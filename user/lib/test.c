/* SPDX-License-Identifier: MIT */
/*
 * main() of test programs: "--list" reports the tests to the kernel's runner; a name runs that one.
 * Linked only into programs that don't have a main() of their own.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <quire/test.h>

#define LONGEST_PLACE 80 /* characters of a file's name in a message */

extern const struct test_case __tests_start[], __tests_end[];

static int failures;
static uint64_t random_state = 1, counters_before[COUNTER_COUNT];

static void event(int kind, const char *text, long value) { quire_call(test_event, kind, text, value); }

static void vevent(int kind, const char *fmt, va_list args)
{
    char text[160];

    vsnprintf(text, sizeof(text), fmt, args);
    event(kind, text, 0);
}

void test_diag(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vevent(QUIRE_TEST_DIAG, fmt, args);
    va_end(args);
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
    char text[160];
    va_list args;

    failures++;
    size_t length = strlen(file), cut = length > LONGEST_PLACE ? length - LONGEST_PLACE : 0;
    int n = snprintf(text, sizeof(text), "%s%s:%d: ", cut ? "..." : "", file + cut, line); /* its end tells more */
    va_start(args, fmt);
    vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, args);
    va_end(args);
    event(QUIRE_TEST_FAIL, text, line);
}

void test_abort(void) { exit(1); }

void test_skip(const char *reason)
{
    event(QUIRE_TEST_SKIP, reason, 0);
    exit(0);
}

void test_allow_leak(const char *why) { event(QUIRE_TEST_ALLOW_LEAK, why, 0); }
void test_checkpoint(const char *name) { event(QUIRE_TEST_CHECKPOINT, name, 0); }

uint64_t test_rand(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dul;
}

uint64_t test_count(enum counter c) { return (uint64_t)quire_call(counter, c) - counters_before[c]; }

const char *test_counter_name(enum counter c)
{
    static const char *const names[] = {
#define X(id, name) name,
        QUIRE_COUNTERS(X)
#undef X
    };
    return names[c];
}

static void full_name(char *out, size_t size, const struct test_case *t) { snprintf(out, size, "%s.%s", t->suite, t->name); }

int main(int argc, char **argv)
{
    char name[96];

    if (argc < 2) {
        printf("usage: %s --list | suite.name [seed]\n", argv[0]);
        return 2;
    }
    random_state = (argc > 2 ? strtoul(argv[2], NULL, 10) : 1) * 0x9e3779b97f4a7c15ul + 1;
    for (int c = 0; c < COUNTER_COUNT; c++)
        counters_before[c] = (uint64_t)quire_call(counter, c);
    for (const struct test_case *t = __tests_start; t < __tests_end; t++) {
        full_name(name, sizeof(name), t);
        if (strcmp(argv[1], "--list") == 0) {
            event(QUIRE_TEST_LIST, name, t - __tests_start);
        } else if (strcmp(argv[1], name) == 0) {
            t->fn();
            return failures != 0;
        }
    }
    return strcmp(argv[1], "--list") == 0 ? 0 : 2;
}
