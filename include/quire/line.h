/* SPDX-License-Identifier: MIT */
/*
 * A line that is typed: characters are added and erased at its end until it is finished; then it is taken, in pieces if
 * the reader likes. The caller's lock protects it. A struct line that is all zeros is empty.
 */
#pragma once

#include <quire/types.h>

#define LINE_BYTES 1024

struct line {
    char text[LINE_BYTES];
    u32 length, taken; /* [taken, length) of a finished line is for readers */
    bool finished;
};

/*
 * One character that was typed. Backspace erases a character, Ctrl-U all of them; a line end, Ctrl-D and a full line
 * finish it. Ctrl-D isn't part of the line; alone it makes an empty line. Other control characters change nothing.
 * `echo` shows on the terminal what happens.
 */
void line_type(struct line *line, char c, void (*echo)(const char *text, size_t len));
/* Takes up to n bytes off the front of a finished line; after the last one, the next line begins. Returns how many. */
size_t line_take(struct line *line, char *to, size_t n);
/* The line is empty again. */
void line_drop(struct line *line);
