/* SPDX-License-Identifier: MIT */
/* For arch/<machine>/pte_text.c: it builds the description of an entry word by word. */
#pragma once

#include <quire/printf.h>
#include <quire/string.h>
#include <arch-generic/paging.h>

/* Append one word if `wanted`; text that doesn't fit into `size` is cut off. */
static inline void pte_text_add(char *text, size_t size, bool wanted, const char *word)
{
    size_t len = strlen(text);

    if (wanted)
        snprintf(text + len, size - len, " %s", word);
}
