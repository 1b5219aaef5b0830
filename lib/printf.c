/* SPDX-License-Identifier: MIT */
/* Formatted output into a buffer: see <quire/printf.h> for what it understands. */
#include <stdbool.h>
#include <stdint.h>
#include <quire/printf.h>
#include <quire/string.h>

struct sink {
    char *out;
    size_t size, len;
};

struct spec {
    bool left, zero, plus, commas;
    int width, precision; /* precision -1: none given */
};

static void put(struct sink *s, char c)
{
    if (s->len + 1 < s->size)
        s->out[s->len] = c;
    s->len++;
}

static void put_padded(struct sink *s, const struct spec *spec, const char *text, int len)
{
    int pad = spec->width > len ? spec->width - len : 0;

    if (!spec->left)
        for (int i = 0; i < pad; i++)
            put(s, ' ');
    for (int i = 0; i < len; i++)
        put(s, text[i]);
    if (spec->left)
        for (int i = 0; i < pad; i++)
            put(s, ' ');
}

static void put_number(struct sink *s, struct spec *spec, uint64_t value, bool negative, unsigned base,
                       bool upper)
{
    char digits[64];
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    int n = sizeof(digits), nr = 0;

    do {
        if (spec->commas && nr && nr % 3 == 0)
            digits[--n] = ',';
        digits[--n] = set[value % base];
        value /= base;
        nr++;
    } while (value && n > 4);
    int want = spec->precision >= 0                ? spec->precision
               : spec->zero && !spec->left ? spec->width - (negative || spec->plus)
                                           : 0;
    while ((int)sizeof(digits) - n < want && n > 2)
        digits[--n] = '0';
    if (negative || spec->plus)
        digits[--n] = negative ? '-' : '+';
    put_padded(s, spec, digits + n, (int)sizeof(digits) - n);
}

static const char *parse_flags(const char *f, struct spec *spec)
{
    for (;; f++) {
        if (*f == '-')
            spec->left = true;
        else if (*f == '0')
            spec->zero = true;
        else if (*f == '+')
            spec->plus = true;
        else if (*f == '\'')
            spec->commas = true;
        else if (*f != ' ' && *f != '#')
            return f;
    }
}

static const char *parse_int(const char *f, int *value)
{
    for (*value = 0; *f >= '0' && *f <= '9'; f++)
        *value = *value * 10 + (*f - '0');
    return f;
}

int vsnprintf(char *out, size_t size, const char *fmt, va_list ap)
{
    struct sink s = {out, size, 0};
    va_list args;

    va_copy(args, ap);
    for (const char *f = fmt; *f; f++) {
        if (*f != '%') {
            put(&s, *f);
            continue;
        }
        const char *start = f;
        struct spec spec = {.precision = -1};
        f = parse_flags(f + 1, &spec);
        if (*f == '*') {
            spec.width = va_arg(args, int);
            f++;
        } else {
            f = parse_int(f, &spec.width);
        }
        if (spec.width < 0) {
            spec.left = true;
            spec.width = -spec.width;
        }
        if (*f == '.') {
            f++;
            if (*f == '*') {
                spec.precision = va_arg(args, int);
                f++;
            } else {
                f = parse_int(f, &spec.precision);
            }
        }
        int longs = 0, shorts = 0;
        for (;; f++) {
            if (*f == 'l' || *f == 'z' || *f == 'j' || *f == 't')
                longs++;
            else if (*f == 'h')
                shorts++;
            else
                break;
        }
        switch (*f) {
        case 'd':
        case 'i': {
            int64_t v = longs ? va_arg(args, long) : va_arg(args, int);
            put_number(&s, &spec, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0, 10, false);
            break;
        }
        case 'u':
        case 'x':
        case 'X':
        case 'o': {
            uint64_t v = longs ? va_arg(args, unsigned long) : va_arg(args, unsigned);
            if (shorts)
                v = shorts > 1 ? (uint8_t)v : (uint16_t)v;
            put_number(&s, &spec, v, false, *f == 'u' ? 10 : *f == 'o' ? 8 : 16, *f == 'X');
            break;
        }
        case 'p': {
            put(&s, '0');
            put(&s, 'x');
            put_number(&s, &spec, (uintptr_t)va_arg(args, void *), false, 16, false);
            break;
        }
        case 'c': {
            char c = (char)va_arg(args, int);
            put_padded(&s, &spec, &c, 1);
            break;
        }
        case 's': {
            const char *text = va_arg(args, const char *);
            text = text ? text : "(null)";
            size_t len = spec.precision >= 0 ? strnlen(text, (size_t)spec.precision) : strlen(text);
            put_padded(&s, &spec, text, (int)len);
            break;
        }
        case '%':
            put(&s, '%');
            break;
        default: /* not ours: show it */
            for (; start <= f && *start; start++)
                put(&s, *start);
            if (!*f)
                f--;
        }
    }
    va_end(args);
    if (size)
        out[s.len < size ? s.len : size - 1] = 0;
    return (int)s.len;
}

int snprintf(char *out, size_t size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(out, size, fmt, args);
    va_end(args);
    return n;
}
