/* SPDX-License-Identifier: MIT */
/* See <quire/complete.h>. */
#include <string.h>
#include <quire/complete.h>

struct word {
    const char *text, *command;
    size_t length, command_length;
};

static int ends_word(char c) { return c == ' ' || c == ';' || c == '&'; }

static struct word word_at_cursor(const struct line_edit *e)
{
    struct word w = {.text = e->text + e->cursor};
    const char *p = e->text, *begin = p;

    while (w.text > e->text && !ends_word(w.text[-1]))
        w.text--;
    w.length = (size_t)(e->text + e->cursor - w.text);
    for (; p < w.text; p++)
        if (*p == ';' || *p == '&')
            begin = p + 1;
    while (begin < w.text && *begin == ' ')
        begin++;
    w.command = begin;
    while (begin < w.text && *begin != ' ')
        begin++;
    w.command_length = (size_t)(begin - w.command);
    return w;
}

/* The next name from the i-th on that begins with the word; NULL: there is none. */
static const char *next_name(const struct word *w, complete_names *names, long *i)
{
    const char *name;

    while ((name = names((*i)++, w->command, w->command_length)) != NULL)
        if (strncmp(name, w->text, w->length) == 0)
            return name;
    return NULL;
}

/* How many names fit; *common is what all of them begin with. */
static int common_part(const struct word *w, complete_names *names, char common[COMPLETE_NAME_MAX])
{
    const char *name;
    int nr = 0;

    for (long i = 0; (name = next_name(w, names, &i)) != NULL; nr++) {
        size_t same = 0;
        if (nr == 0)
            strlcpy(common, name, COMPLETE_NAME_MAX);
        while (name[same] && name[same] == common[same])
            same++;
        common[same] = 0;
    }
    return nr;
}

static void list(struct line_edit *e, const struct word *w, complete_names *names)
{
    const char *name;
    size_t column = 0;

    e->show("\n", 1);
    for (long i = 0; (name = next_name(w, names, &i)) != NULL; column += strlen(name) + 2) {
        if (column && column + strlen(name) + 2 > LINE_COLUMNS) {
            e->show("\n", 1);
            column = 0;
        }
        e->show(name, strlen(name));
        e->show("  ", 2);
    }
    e->show("\n", 1);
    line_draw(e);
}

void complete_word(struct line_edit *e, complete_names *names)
{
    struct word w = word_at_cursor(e);
    char common[COMPLETE_NAME_MAX] = "";
    int nr = common_part(&w, names, common);
    size_t length = strlen(common);

    if (nr == 0) {
        e->show("\a", 1); /* the bell */
    } else if (nr > 1 && length == w.length) {
        list(e, &w, names);
    } else {
        line_insert(e, common + w.length, length - w.length);
        if (nr == 1)
            line_insert(e, " ", 1);
    }
}
