/* SPDX-License-Identifier: MIT */
/*
 * One line per program that says how it is called and what it does:
 *
 *     PROGRAM("FILE...", "prints files of the boot archive");
 *
 * `NAME --help` prints it without main() being called, so `help` in the shell may ask every
 * program.
 */
#pragma once

struct program {
    const char *arguments, *text;
};
extern const struct program __program;
extern const char *__program_name; /* without its folder */

#define PROGRAM(arguments, text) const struct program __program = {arguments, text}

/* For arguments that make no sense: says how it is meant and ends with status 2. */
void usage(void) __attribute__((noreturn));
