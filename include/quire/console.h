/* SPDX-License-Identifier: MIT */
/* The console for programs: lines in, text out. */
#pragma once

#include <quire/types.h>

void console_init(void);
/*
 * Reads up to n > 0 bytes of the next line, or, with `keys`, one byte as it was typed, without an echo; waits for it.
 * Returns how many; 0: the end of the input (Ctrl-D instead of a line); -EINTR: the caller was killed. May sleep; no
 * locks.
 */
ssize_t console_read(char *to, size_t n, bool keys);
struct notification;
/*
 * Whoever waits for a program in the foreground says so: from now on programs may read lines, and Ctrl-C gives these
 * bits to n. There is one listener: the last one that asked. bits 0: n listens no more. Takes no reference: a
 * notification that may listen calls this with 0 when it ends. No locks.
 */
void console_listen(struct notification *n, u64 bits);
void console_write_user(const char *text, size_t len);
/*
 * Tests run from now on, until the machine ends. Each line that a program prints begins with "| ", so that no program
 * can print a verdict; and no program can end the machine. This can't be undone, not even for a moment, because a
 * program on another CPU could use that moment.
 */
void console_tests_begin(void);
bool console_tests_run(void);
