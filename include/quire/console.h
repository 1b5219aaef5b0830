/* SPDX-License-Identifier: MIT */
/* The console for programs: lines in, text out. */
#pragma once

#include <quire/types.h>

void console_init(void);
/* Up to n bytes of the next line, waiting for it; 0: end of input (Ctrl-D); -EINTR: killed. */
ssize_t console_read(char *to, size_t n);
void console_write_user(const char *text, size_t len);
/*
 * Tests run from now on, until the machine ends: "| " stands before each line of a program, so that none can print a
 * verdict, and no program ends the machine. There is no way back, not even for a moment: a program on another CPU would
 * find it.
 */
void console_tests_begin(void);
bool console_tests_run(void);
