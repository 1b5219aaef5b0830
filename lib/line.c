/* SPDX-License-Identifier: MIT */
/* See <quire/line.h>. */
#include <quire/line.h>
#include <quire/string.h>

#define CTRL(c) ((c) & 31)

void line_drop(struct line *line)
{
    line->length = line->taken = 0;
    line->finished = false;
}

static void erase(struct line *line, u32 n, void (*echo)(const char *, size_t))
{
    for (; n && line->length; n--) {
        line->length--;
        echo("\b \b", 3);
    }
}

static void add(struct line *line, char c, void (*echo)(const char *, size_t))
{
    if ((u8)c < ' ' && c != '\n' && c != '\t')
        return;
    line->text[line->length++] = c;
    echo(&c, 1);
    line->finished = c == '\n' || line->length == LINE_BYTES;
}

void line_type(struct line *line, char c, void (*echo)(const char *, size_t))
{
    switch (c) {
    case CTRL('D'):
        line->finished = true;
        break;
    case CTRL('U'):
        erase(line, LINE_BYTES, echo);
        break;
    case '\b':
    case 127:
        erase(line, 1, echo);
        break;
    default:
        add(line, c == '\r' ? '\n' : c, echo);
    }
}

size_t line_take(struct line *line, char *to, size_t n)
{
    n = MIN(n, (size_t)(line->length - line->taken));
    memcpy(to, line->text + line->taken, n);
    line->taken += (u32)n;
    if (line->taken == line->length)
        line_drop(line);
    return n;
}
