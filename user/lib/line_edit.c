/* SPDX-License-Identifier: MIT */
/* Editing a line key by key: see <quire/line_edit.h>. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <quire/line_edit.h>

#define CTRL(c) ((c) & 31)
#define ESCAPE  27

/* --- drawing --------------------------------------------------------------------------- */
/*
 * UTF-8: a character's first byte takes the column; the bytes that follow take none. There are at most three of them:
 * a byte that no first byte announces is a character of its own. So a column has four bytes at most.
 */
static int follows(const struct line_edit *e, unsigned at)
{
    unsigned back = 0;

    while (back < 3 && back < at && (e->text[at - back] & 0xc0) == 0x80)
        back++;
    return back && (e->text[at - back] & 0xc0) == 0xc0;
}

static unsigned column_of(const struct line_edit *e, unsigned at)
{
    unsigned column = 0;

    for (unsigned i = 0; i < at; i++)
        column += !follows(e, i);
    return column;
}

/* The byte at which this column begins; the line's end if there is none. */
static unsigned byte_of(const struct line_edit *e, unsigned column)
{
    unsigned at = 0;

    for (; at < e->length; at++)
        if (!follows(e, at) && column-- == 0)
            break;
    return at;
}

static unsigned width(const struct line_edit *e) { return LINE_COLUMNS - (unsigned)strlen(e->prompt); }

/* Moves the part that is shown, so that the cursor is in it. True: it had to move. */
static int scroll(struct line_edit *e)
{
    unsigned column = column_of(e, e->cursor), half = width(e) / 2, before = e->first;

    if (column < e->first || column >= e->first + width(e))
        e->first = column > half ? column - half : 0;
    return e->first != before;
}

void line_draw(struct line_edit *e)
{
    char out[4 * LINE_COLUMNS + 64];

    scroll(e);
    unsigned from = byte_of(e, e->first), to = byte_of(e, e->first + width(e));
    unsigned column = (unsigned)strlen(e->prompt) + column_of(e, e->cursor) - e->first;
    int n = snprintf(out, sizeof(out), "\r%s%.*s\033[K\r", e->prompt, (int)(to - from), e->text + from);
    if (column)
        n += snprintf(out + n, sizeof(out) - (size_t)n, "\033[%uC", column);
    e->show(out, (size_t)n);
}

/* --- changing the text ----------------------------------------------------------------- */
void line_insert(struct line_edit *e, const char *text, size_t n)
{
    size_t fits = e->lost ? 0 : LINE_MAX - e->length < n ? LINE_MAX - e->length : n;
    int at_end = e->cursor == e->length;

    memmove(e->text + e->cursor + fits, e->text + e->cursor, e->length - e->cursor);
    memcpy(e->text + e->cursor, text, fits);
    e->length += (unsigned)fits;
    e->cursor += (unsigned)fits;
    e->text[e->length] = 0;
    e->lost += (unsigned)(n - fits);
    if (at_end && !scroll(e))
        e->show(text, fits);
    else if (fits)
        line_draw(e);
}

/* Removes [from, to); the cursor is at one of its ends. */
static void cut(struct line_edit *e, unsigned from, unsigned to)
{
    memmove(e->text + from, e->text + to, e->length - to + 1);
    e->length -= to - from;
    e->cursor = from;
    line_draw(e);
}

static unsigned before(const struct line_edit *e, unsigned at)
{
    while (at && follows(e, --at))
        ;
    return at;
}

static unsigned behind(const struct line_edit *e, unsigned at)
{
    while (at < e->length && follows(e, ++at))
        ;
    return at;
}

static unsigned word_before(const struct line_edit *e)
{
    unsigned at = e->cursor;

    while (at && isspace(e->text[at - 1]))
        at--;
    while (at && !isspace(e->text[at - 1]))
        at--;
    return at;
}

static void go_to(struct line_edit *e, unsigned at)
{
    e->cursor = at;
    line_draw(e);
}

static void show_earlier(struct line_edit *e, int step)
{
    const char *text = line_history_step(&e->history, step, e->text);

    if (!text) {
        e->show("\a", 1); /* the bell */
        return;
    }
    e->lost = 0; /* of the line that was replaced */
    e->length = e->cursor = (unsigned)strlen(text);
    memcpy(e->text, text, e->length + 1);
    line_draw(e);
}

static void erase_before(struct line_edit *e)
{
    if (e->lost)
        e->lost--; /* it isn't shown */
    else
        cut(e, before(e, e->cursor), e->cursor);
}

/* --- keys ------------------------------------------------------------------------------ */
/*
 * ESC [, parameters and a last byte, or ESC O and a letter. The modifiers of a key, as in ESC [ 1 ; 5 C (Ctrl and an
 * arrow), are read and not looked at. ESC and another key is none that edits.
 */
static void key_in_several_bytes(struct line_edit *e, char key)
{
    if (e->escape_length < sizeof(e->escape))
        e->escape[e->escape_length++] = key;
    if (e->escape_length == 2 && key != '[' && key != 'O')
        e->escape_length = 0;
    if (e->escape_length <= 2 || (key >= '0' && key <= '?'))
        return; /* more follows, or it was no such key */
    if (key == '~') /* ESC [ number ~: numbers of two digits are function keys */
        key = e->escape[1] == '[' && !isdigit(e->escape[3]) ? e->escape[2] : 0;
    e->escape_length = 0;
    switch (key) {
    case 'A': show_earlier(e, -1); break;
    case 'B': show_earlier(e, 1); break;
    case 'C': go_to(e, behind(e, e->cursor)); break;
    case 'D': go_to(e, before(e, e->cursor)); break;
    case 'H':
    case '1':
    case '7': go_to(e, 0); break;
    case 'F':
    case '4':
    case '8': go_to(e, e->length); break;
    case '3': cut(e, e->cursor, behind(e, e->cursor)); break;
    }
}

/* False: it is no control key that edits. */
static int edits(struct line_edit *e, char key)
{
    switch (key) {
    case CTRL('A'): go_to(e, 0); return 1;
    case CTRL('E'): go_to(e, e->length); return 1;
    case CTRL('B'): go_to(e, before(e, e->cursor)); return 1;
    case CTRL('F'): go_to(e, behind(e, e->cursor)); return 1;
    case CTRL('N'): show_earlier(e, 1); return 1;
    case CTRL('D'): cut(e, e->cursor, behind(e, e->cursor)); return 1;
    case CTRL('K'): cut(e, e->cursor, e->length); return 1;
    case CTRL('W'): cut(e, word_before(e), e->cursor); return 1;
    case CTRL('U'):
        e->lost = 0;
        cut(e, 0, e->cursor);
        return 1;
    case '\b':
    case 127: erase_before(e); return 1;
    case CTRL('L'):
        e->show("\033[H\033[2J", 7);
        line_draw(e);
        return 1;
    case '\t':
        if (e->complete)
            e->complete(e);
        return 1;
    }
    return 0;
}

static enum line_answer line_end(struct line_edit *e)
{
    e->show("\n", 1);
    if (e->lost)
        return LINE_TOO_LONG;
    line_history_add(&e->history, e->text);
    return LINE_READY;
}

void line_begin(struct line_edit *e)
{
    e->length = e->cursor = e->lost = e->first = e->escape_length = 0;
    e->text[0] = 0;
    e->history.shown = e->history.nr;
    e->show(e->prompt, strlen(e->prompt));
}

enum line_answer line_key(struct line_edit *e, char key)
{
    char last = e->last;

    e->last = key;
    if (key == '\r' || key == '\n') /* CR LF is one line end */
        return key == '\n' && last == '\r' ? LINE_GOES_ON : line_end(e);
    if (key == CTRL('C')) {
        e->show("^C\n", 3);
        return LINE_GIVEN_UP;
    }
    if (key == CTRL('D') && e->length == 0 && !e->lost)
        return LINE_NO_MORE;
    if (e->escape_length)
        key_in_several_bytes(e, key);
    else if (key == ESCAPE)
        e->escape[e->escape_length++] = key;
    else if (!edits(e, key) && ((unsigned char)key >= ' '))
        line_insert(e, &key, 1);
    return LINE_GOES_ON;
}
