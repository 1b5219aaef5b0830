/* SPDX-License-Identifier: MIT */
/* See <quire/guest_text.h>. */
#include <quire/guest_text.h>
#include <stdio.h>
#include <string.h>

void guest_line(char line[GUEST_LINE_MAX], const char *text)
{
    size_t n = strnlen(text, GUEST_LINE_MAX - 1);

    if (n && text[n - 1] == '\n')
        n--;
    for (size_t i = 0; i < n; i++)
        line[i] = text[i] >= ' ' && text[i] < 127 ? text[i] : '?';
    line[n] = 0;
}

void guest_print(const char *text)
{
    char line[GUEST_LINE_MAX];

    guest_line(line, text);
    printf("guest: %s\n", line);
}
