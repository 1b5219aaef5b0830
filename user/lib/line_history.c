/* SPDX-License-Identifier: MIT */
/* The lines that were typed before: see <quire/line_edit.h>. */
#include <stdlib.h>
#include <string.h>
#include <quire/line_edit.h>

static void back_to_new_line(struct line_history *h)
{
    free(h->draft);
    h->draft = NULL;
    h->shown = h->nr;
}

void line_history_add(struct line_history *h, const char *text)
{
    char *copy = NULL;

    if (*text && !(h->nr && strcmp(h->lines[h->nr - 1], text) == 0))
        copy = strdup(text);
    if (copy && h->nr == LINE_HISTORY) {
        free(h->lines[0]);
        memmove(h->lines, h->lines + 1, --h->nr * sizeof(h->lines[0]));
    }
    if (copy)
        h->lines[h->nr++] = copy;
    back_to_new_line(h);
}

const char *line_history_step(struct line_history *h, int step, const char *now)
{
    if (step < 0 ? h->shown == 0 : h->shown == h->nr)
        return NULL;
    if (h->shown == h->nr) {
        free(h->draft);
        h->draft = strdup(now);
        if (!h->draft)
            return NULL;
    }
    h->shown = step < 0 ? h->shown - 1 : h->shown + 1;
    return h->shown < h->nr ? h->lines[h->shown] : h->draft;
}
