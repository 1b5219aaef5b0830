/* SPDX-License-Identifier: MIT */
/*
 * Editing a line on a terminal, key by key. The caller reads keys (read with QUIRE_READ_KEYS), and gives each of them to
 * line_key(). Ctrl-P belongs to the kernel and never arrives.
 *
 *     Left, Right, Ctrl-B, Ctrl-F    one character        Home, End, Ctrl-A, Ctrl-E    to the beginning, to the end
 *     Up, Down, Ctrl-N               earlier lines        Tab                          completes a word
 *     Backspace, Delete, Ctrl-D      erase a character    Ctrl-W, Ctrl-U, Ctrl-K       erase a word, all before the
 *     Ctrl-L                         clears the screen                                 cursor, all behind it
 *
 * A line that is wider than LINE_COLUMNS is shown in part, so that no terminal breaks it.
 */
#pragma once

#include <stddef.h>

#define LINE_MAX     1023 /* bytes of a line; a longer one is refused as a whole */
#define LINE_COLUMNS 79
#define LINE_HISTORY 50

enum line_answer {
    LINE_GOES_ON,
    LINE_READY,    /* text holds the line, without its end */
    LINE_GIVEN_UP, /* Ctrl-C */
    LINE_TOO_LONG, /* Enter behind more than LINE_MAX bytes: text holds only the first ones */
    LINE_NO_MORE,  /* Ctrl-D on an empty line */
};

struct line_history {
    char *lines[LINE_HISTORY]; /* the oldest first */
    unsigned nr, shown;        /* shown == nr: the new line */
    char *draft;               /* the new line, while an earlier one is shown; else NULL */
};

struct line_edit {
    const char *prompt;
    void (*show)(const char *text, size_t n); /* to the terminal */
    void (*complete)(struct line_edit *e);    /* Tab; NULL: it does nothing */
    char text[LINE_MAX + 1];
    unsigned length, cursor; /* bytes */
    unsigned lost;           /* bytes that had no room */
    unsigned first;          /* the column of the line that is shown first */
    char escape[8];          /* a key that arrives in several bytes */
    unsigned escape_length;
    char last;               /* the last byte that arrived */
    struct line_history history;
};

/* Shows the prompt, and begins with an empty line. *e is zeroed before the first call, but for the first three fields. */
void line_begin(struct line_edit *e);
/* One byte from the terminal. After each answer but LINE_GOES_ON the caller begins again. */
enum line_answer line_key(struct line_edit *e, char key);

/* For complete(): puts text at the cursor; what has no room is counted as lost. */
void line_insert(struct line_edit *e, const char *text, size_t n);
/* Draws the prompt and the line again, in the terminal's current line. */
void line_draw(struct line_edit *e);

/* Keeps a line, unless it is empty or the one before. Without memory it isn't kept. */
void line_history_add(struct line_history *h, const char *text);
/* The line before (-1) or behind (1) the one that is shown; `now` is its text as it is. NULL: there is none. */
const char *line_history_step(struct line_history *h, int step, const char *now);
