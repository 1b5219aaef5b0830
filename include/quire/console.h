/* SPDX-License-Identifier: MIT */
/* The console for programs: lines in, text out. */
#pragma once

#include <quire/types.h>

#define PANIC_STATUS 101 /* what QEMU ends with after a panic, where it can say that */

void console_init(void);
/* Up to n bytes of the next line, waiting for it; 0: end of input (Ctrl-D); -EINTR: killed. */
ssize_t console_read(char *to, size_t n);
void console_write_user(const char *text, size_t len);
bool console_at_line_start(void);
extern bool console_quote_users; /* "| " before each line of a program */
