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
/*
 * on: the calling thread is about to wait for the program in the foreground, which from now on may read lines. Ctrl-C
 * sets the thread's `interrupted` and wakes it. There is one listener: the last one that asked. Off: this wait is over;
 * each thread calls this before it returns to user mode. No locks.
 */
void console_listen(bool on);
void console_write_user(const char *text, size_t len);
/*
 * Tests run from now on, until the machine ends. Each line that a program prints begins with "| ", so that no program
 * can print a verdict; and no program can end the machine. This can't be undone, not even for a moment, because a
 * program on another CPU could use that moment.
 */
void console_tests_begin(void);
bool console_tests_run(void);
