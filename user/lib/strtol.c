/* SPDX-License-Identifier: MIT */
/* Whole numbers from text: strtol and its relatives. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

static int digit_of(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isalpha((unsigned char)c) ? tolower(c) - 'a' + 10 : 99;
}

/*
 * Read the digits at *text in this base (0: by prefix), and move *text behind them. True: the number has more than 64
 * bits.
 */
static bool take_digits(const char **text, int base, unsigned long *value)
{
    const char *p = *text;
    bool overflow = false;

    if ((base == 0 || base == 16) && p[0] == '0' && tolower(p[1]) == 'x' && digit_of(p[2]) < 16) {
        p += 2;
        base = 16;
    } else if (base == 0) {
        base = p[0] == '0' ? 8 : 10;
    }
    *value = 0;
    for (; digit_of(*p) < base; p++) {
        overflow |= __builtin_mul_overflow(*value, (unsigned long)base, value);
        overflow |= __builtin_add_overflow(*value, (unsigned long)digit_of(*p), value);
    }
    *text = p;
    return overflow;
}

/* Sign and digits; *end is text itself if there are none, or no such base (EINVAL). True: more than 64 bits. */
static bool take_number(const char *text, char **end, int base, bool *negative, unsigned long *value)
{
    const char *p = text;
    bool overflow = false;

    *value = 0;
    *negative = false;
    if (base < 0 || base == 1 || base > 36) {
        errno = EINVAL;
    } else {
        while (isspace((unsigned char)*p))
            p++;
        *negative = *p == '-';
        p += *p == '-' || *p == '+';
        const char *digits = p;
        overflow = take_digits(&p, base, value);
        p = p == digits ? text : p;
    }
    if (end)
        *end = (char *)p;
    return overflow;
}

unsigned long strtoul(const char *text, char **end, int base)
{
    unsigned long value;
    bool negative;

    if (take_number(text, end, base, &negative, &value)) {
        errno = ERANGE;
        return ULONG_MAX;
    }
    return negative ? 0 - value : value;
}

long strtol(const char *text, char **end, int base)
{
    unsigned long value;
    bool negative, overflow = take_number(text, end, base, &negative, &value);

    if (overflow || value > (unsigned long)LONG_MAX + negative) {
        errno = ERANGE;
        return negative ? LONG_MIN : LONG_MAX;
    }
    return (long)(negative ? 0 - value : value);
}

/* long long and intmax_t are as long as long, on every machine. */
long long strtoll(const char *text, char **end, int base) { return strtol(text, end, base); }
unsigned long long strtoull(const char *text, char **end, int base) { return strtoul(text, end, base); }
intmax_t strtoimax(const char *text, char **end, int base) { return strtol(text, end, base); }
uintmax_t strtoumax(const char *text, char **end, int base) { return strtoul(text, end, base); }

int atoi(const char *text) { return (int)strtol(text, NULL, 10); }
long atol(const char *text) { return strtol(text, NULL, 10); }
long long atoll(const char *text) { return strtol(text, NULL, 10); }
