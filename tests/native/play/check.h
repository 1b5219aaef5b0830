/* SPDX-License-Identifier: MIT */
/*
 * Checks of mm's results. A check that fails ends the sequence: the runner shortens the sequence, prints it in words,
 * and prints what was expected, what was seen, the rule, and the command that repeats it.
 *
 * `why`: the rule that is broken if the check fails, and what the likely cause is.
 */
#pragma once

#include <stdbool.h>

void fail(const char *why, const char *fmt, ...) __attribute__((noreturn, format(printf, 2, 3)));
void fail_numbers(const char *file, int line, const char *what, long seen, long expected, const char *why)
    __attribute__((noreturn));

#define CHECK(cond, why, ...)                                                                      \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            fail(why, __VA_ARGS__);                                                                \
    } while (0)

#define CHECK_EQ(seen, expected, what, why)                                                        \
    do {                                                                                           \
        long seen_ = (long)(seen), expected_ = (long)(expected);                                   \
        if (__builtin_expect(seen_ != expected_, 0))                                               \
            fail_numbers(__FILE__, __LINE__, what, seen_, expected_, why);                         \
    } while (0)

/* Print the operation in words, for people; only while a failing sequence is printed. */
extern bool telling;
void tell_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define tell(...)                                                                                  \
    do {                                                                                           \
        if (__builtin_expect(telling, 0))                                                          \
            tell_line(__VA_ARGS__);                                                                \
    } while (0)
/* An errno in words: "-EBUSY". */
const char *error_name(long err);
