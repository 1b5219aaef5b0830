/* SPDX-License-Identifier: MIT */
/* String functions that the kernel doesn't use; the others are in lib/string.c. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

char *strdup(const char *s) { return strndup(s, (size_t)-1); }

char *strndup(const char *s, size_t max)
{
    size_t len = strnlen(s, max);
    char *copy = malloc(len + 1);

    if (copy) {
        memcpy(copy, s, len);
        copy[len] = 0;
    }
    return copy;
}

char *stpcpy(char *to, const char *from)
{
    size_t len = strlen(from);

    memcpy(to, from, len + 1);
    return to + len;
}

size_t strlcat(char *to, const char *from, size_t size)
{
    size_t have = strnlen(to, size);

    return have + (have == size ? strlen(from) : strlcpy(to + have, from, size - have));
}

/* How many characters at the start are in the set (wanted 1), or aren't (wanted 0). */
static size_t span(const char *s, const char *set, int wanted)
{
    size_t n = 0;

    while (s[n] && (strchr(set, s[n]) != NULL) == wanted)
        n++;
    return n;
}

size_t strspn(const char *s, const char *set) { return span(s, set, 1); }
size_t strcspn(const char *s, const char *set) { return span(s, set, 0); }

char *strpbrk(const char *s, const char *set)
{
    s += strcspn(s, set);
    return *s ? (char *)s : NULL;
}

char *strtok_r(char *s, const char *separators, char **rest)
{
    s = s ? s : *rest;
    s += strspn(s, separators);
    char *end = s + strcspn(s, separators);
    *rest = *end ? end + 1 : end;
    if (end == s)
        return NULL;
    *end = 0;
    return s;
}

char *strtok(char *s, const char *separators)
{
    static char *rest;

    return strtok_r(s, separators, &rest);
}

char *strsep(char **rest, const char *separators)
{
    char *s = *rest;

    if (!s)
        return NULL;
    char *end = s + strcspn(s, separators);
    *rest = *end ? end + 1 : NULL;
    *end = 0;
    return s;
}

int strncasecmp(const char *a, const char *b, size_t n)
{
    for (; n; n--, a++, b++) {
        int difference = tolower((unsigned char)*a) - tolower((unsigned char)*b);
        if (difference || !*a)
            return difference;
    }
    return 0;
}

int strcasecmp(const char *a, const char *b) { return strncasecmp(a, b, (size_t)-1); }

/* The only locale is "C": it orders by bytes. */
int strcoll(const char *a, const char *b) { return strcmp(a, b); }
size_t strxfrm(char *to, const char *from, size_t size) { return strlcpy(to, from, size); }
