/* SPDX-License-Identifier: MIT */
/* From a struct quire_crash to the lines of a backtrace. For kernel and C library alike. */
#pragma once

#include <stdbool.h>
#include <quire/places.h>
#include <quire/abi.h>

#define CRASH_LINES (QUIRE_CRASH_CALLS + 2)

struct crash_line {
    uint64_t pc;
    bool is_return; /* pc is a return address */
    unsigned times; /* so many calls of this place follow each other: a function that calls itself */
};

/*
 * Makes the lines: where the process was, then its calls, the innermost first. Return addresses outside of the
 * program's code are left out. Returns their number, at most CRASH_LINES.
 */
unsigned crash_lines(const struct quire_crash *crash, const struct places *places, struct crash_line *lines);
