/* SPDX-License-Identifier: MIT */
/* The console for programs: lines in, text out. */
#pragma once

#include <quire/types.h>

void console_init(void);
/* Up to n bytes of the next line, waiting for it; 0: end of input (Ctrl-D); -EINTR: killed. */
ssize_t console_read(char *to, size_t n);
void console_write_user(const char *text, size_t len);
/*
 * Tests run from now on, until the machine ends. Each line that a program prints begins with "| ", so that no program
 * can print a verdict; and no program can end the machine. This can't be undone, not even for a moment, because a
 * program on another CPU could use that moment.
 */
void console_tests_begin(void);
bool console_tests_run(void);
