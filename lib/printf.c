/* SPDX-License-Identifier: MIT */
/* Formatted output into a buffer: see <quire/printf.h> for the supported conversions. */
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
    int longs, shorts;    /* letters that say how long the argument is */
};

/*
 * The remaining arguments, for functions that each take some of them. They are in a struct because va_list is an array
 * on some machines: there a parameter of that type is a pointer, and taking its address gives the address of the
 * pointer.
 */
struct arg_list {
    va_list list;
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

static void put_number(struct sink *s, const struct spec *spec, uint64_t value, bool negative, unsigned base,
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

/* A width or a precision: digits, or * for an argument. */
static const char *parse_number(const char *f, struct arg_list *a, int *value)
{
    if (*f != '*')
        return parse_int(f, value);
    *value = va_arg(a->list, int);
    return f + 1;
}

/* Parse what stands between % and the conversion. Returns the position of the conversion. */
static const char *parse_spec(const char *f, struct arg_list *a, struct spec *spec)
{
    *spec = (struct spec){.precision = -1};
    f = parse_flags(f, spec);
    f = parse_number(f, a, &spec->width);
    if (spec->width < 0) {
        spec->left = true;
        spec->width = -spec->width;
    }
    if (*f == '.')
        f = parse_number(f + 1, a, &spec->precision);
    for (;; f++) {
        if (*f == 'l' || *f == 'z' || *f == 'j' || *f == 't')
            spec->longs++;
        else if (*f == 'h')
            spec->shorts++;
        else
            return f;
    }
}

static void put_signed(struct sink *s, const struct spec *spec, struct arg_list *a)
{
    int64_t v = spec->longs ? va_arg(a->list, long) : va_arg(a->list, int);

    put_number(s, spec, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0, 10, false);
}

static void put_unsigned(struct sink *s, const struct spec *spec, struct arg_list *a, char conversion)
{
    uint64_t v = spec->longs ? va_arg(a->list, unsigned long) : va_arg(a->list, unsigned);

    if (spec->shorts)
        v = spec->shorts > 1 ? (uint8_t)v : (uint16_t)v;
    put_number(s, spec, v, false, conversion == 'u' ? 10 : conversion == 'o' ? 8 : 16, conversion == 'X');
}

static void put_pointer(struct sink *s, const struct spec *spec, struct arg_list *a)
{
    put(s, '0');
    put(s, 'x');
    put_number(s, spec, (uintptr_t)va_arg(a->list, void *), false, 16, false);
}

static void put_string(struct sink *s, const struct spec *spec, const char *text)
{
    text = text ? text : "(null)";
    put_padded(s, spec, text, (int)(spec->precision >= 0 ? strnlen(text, (size_t)spec->precision) : strlen(text)));
}

/* False: there is no such conversion, and nothing was put. */
static bool put_conversion(struct sink *s, const struct spec *spec, struct arg_list *a, char conversion)
{
    char c;

    switch (conversion) {
    case 'd':
    case 'i':
        put_signed(s, spec, a);
        return true;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        put_unsigned(s, spec, a, conversion);
        return true;
    case 'p':
        put_pointer(s, spec, a);
        return true;
    case 'c':
        c = (char)va_arg(a->list, int);
        put_padded(s, spec, &c, 1);
        return true;
    case 's':
        put_string(s, spec, va_arg(a->list, const char *));
        return true;
    case '%':
        put(s, '%');
        return true;
    default:
        return false;
    }
}

int vsnprintf(char *out, size_t size, const char *fmt, va_list ap)
{
    struct sink s = {out, size, 0};
    struct arg_list a;
    struct spec spec;

    va_copy(a.list, ap);
    for (const char *f = fmt; *f; f++) {
        if (*f != '%') {
            put(&s, *f);
            continue;
        }
        const char *start = f;
        f = parse_spec(f + 1, &a, &spec);
        if (put_conversion(&s, &spec, &a, *f))
            continue;
        while (start <= f && *start) /* not a conversion: print it unchanged */
            put(&s, *start++);
        if (!*f)
            break;
    }
    va_end(a.list);
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
