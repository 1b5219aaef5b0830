/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions. Copies and fills go eight bytes at a time, unrolled, when both sides are aligned. This
 * is the important case (pages, tables, descriptors), and it needs no special feature of a machine.
 */
#include <stdint.h>
#include <quire/string.h>

#define WORD sizeof(uint64_t)
#define ALIGNED(p) (((uintptr_t)(p) & (WORD - 1)) == 0)

void *memcpy(void *to, const void *from, size_t n)
{
    unsigned char *d = to;
    const unsigned char *s = from;

    if (ALIGNED(d) && ALIGNED(s)) {
        uint64_t *dw = (uint64_t *)d;
        const uint64_t *sw = (const uint64_t *)s;
        for (; n >= 8 * WORD; n -= 8 * WORD, dw += 8, sw += 8) {
            uint64_t a = sw[0], b = sw[1], c = sw[2], e = sw[3];
            dw[0] = a, dw[1] = b, dw[2] = c, dw[3] = e;
            a = sw[4], b = sw[5], c = sw[6], e = sw[7];
            dw[4] = a, dw[5] = b, dw[6] = c, dw[7] = e;
        }
        for (; n >= WORD; n -= WORD)
            *dw++ = *sw++;
        d = (unsigned char *)dw;
        s = (const unsigned char *)sw;
    }
    while (n--)
        *d++ = *s++;
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    unsigned char *d = to;
    const unsigned char *s = from;

    if (d <= s || d >= s + n)
        return memcpy(to, from, n);
    while (n--)
        d[n] = s[n];
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    unsigned char *d = to;
    uint64_t word = 0x0101010101010101UL * (unsigned char)byte;

    while (n && !ALIGNED(d)) {
        *d++ = (unsigned char)byte;
        n--;
    }
    uint64_t *dw = (uint64_t *)d;
    for (; n >= 8 * WORD; n -= 8 * WORD, dw += 8) {
        dw[0] = word, dw[1] = word, dw[2] = word, dw[3] = word;
        dw[4] = word, dw[5] = word, dw[6] = word, dw[7] = word;
    }
    for (; n >= WORD; n -= WORD)
        *dw++ = word;
    d = (unsigned char *)dw;
    while (n--)
        *d++ = (unsigned char)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;

    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;
    while (n < max && s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n; n--, a++, b++) {
        if (*a != *b)
            return (unsigned char)*a - (unsigned char)*b;
        if (!*a)
            break;
    }
    return 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)s;
        if (!*s)
            return NULL;
    }
}

char *strrchr(const char *s, int c)
{
    const char *found = NULL;
    do {
        if (*s == (char)c)
            found = s;
    } while (*s++);
    return (char *)found;
}

char *strcpy(char *to, const char *from)
{
    memcpy(to, from, strlen(from) + 1);
    return to;
}

char *strncpy(char *to, const char *from, size_t n)
{
    size_t len = strnlen(from, n);
    memcpy(to, from, len);
    memset(to + len, 0, n - len);
    return to;
}

char *strcat(char *to, const char *from)
{
    strcpy(to + strlen(to), from);
    return to;
}

char *strstr(const char *s, const char *what)
{
    size_t n = strlen(what);
    for (; *s; s++)
        if (strncmp(s, what, n) == 0)
            return (char *)s;
    return n ? NULL : (char *)s;
}

size_t strlcpy(char *to, const char *from, size_t size)
{
    size_t n = strlen(from);
    if (size) {
        size_t copied = n < size ? n : size - 1;
        memcpy(to, from, copied);
        to[copied] = 0;
    }
    return n;
}
