/* SPDX-License-Identifier: MIT */
/* String functions that the kernel doesn't use; the others are in lib/string.c. */
#include <stdlib.h>
#include <string.h>

void *memchr(const void *s, int byte, size_t n)
{
    for (const unsigned char *p = s; n--; p++)
        if (*p == (unsigned char)byte)
            return (void *)p;
    return NULL;
}

char *strncat(char *to, const char *from, size_t n)
{
    size_t have = strlen(to), len = strnlen(from, n);

    memcpy(to + have, from, len);
    to[have + len] = 0;
    return to;
}

char *strdup(const char *s)
{
    size_t bytes = strlen(s) + 1;
    char *copy = malloc(bytes);

    return copy ? memcpy(copy, s, bytes) : NULL;
}
