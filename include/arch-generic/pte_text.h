/* SPDX-License-Identifier: MIT */
/* For arch/<machine>/pte_text.c: words of an entry, one after the other. */
#pragma once

#include <quire/printf.h>
#include <quire/string.h>
#include <arch-generic/paging.h>

/* One more word, if it is wanted; what doesn't fit into `size` is cut off. */
static inline void pte_text_add(char *text, size_t size, bool wanted, const char *word)
{
    size_t len = strlen(text);

    if (wanted)
        snprintf(text + len, size - len, " %s", word);
}
