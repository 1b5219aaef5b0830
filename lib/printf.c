/* SPDX-License-Identifier: MIT */
/* Formatted output into a buffer: see <quire/printf.h> for the supported conversions. */
#include <stdint.h>
#include <quire/format.h>
#include <quire/printf.h>
#include <quire/string.h>

#define MAX_DIGITS 32 /* 22 octal digits of 64 bits; with commas 20 decimal digits and six commas */

void printf_put(struct printf_sink *s, char c)
{
    if (s->len + 1 < s->size)
        s->out[s->len] = c;
    s->len++;
}

void printf_repeat(struct printf_sink *s, char c, long n)
{
    for (; n > 0 && s->len + 1 < s->size; n--)
        s->out[s->len++] = c;
    s->len += n > 0 ? (size_t)n : 0;
}

char printf_sign(const struct printf_spec *spec, bool negative)
{
    return negative ? '-' : spec->plus ? '+' : spec->space ? ' ' : 0;
}

long printf_begin_number(struct printf_sink *s, const struct printf_spec *spec, char sign, const char *prefix,
                         long digits)
{
    long pad = spec->width - digits - (sign != 0) - (long)strlen(prefix);

    if (!spec->left && !spec->zero)
        printf_repeat(s, ' ', pad);
    if (sign)
        printf_put(s, sign);
    while (*prefix)
        printf_put(s, *prefix++);
    if (!spec->left && spec->zero)
        printf_repeat(s, '0', pad);
    return spec->left ? pad : 0;
}

static void put_text(struct printf_sink *s, const struct printf_spec *spec, const char *text, size_t len)
{
    long pad = spec->width - (long)len;

    if (!spec->left)
        printf_repeat(s, ' ', pad);
    for (size_t i = 0; i < len; i++)
        printf_put(s, text[i]);
    if (spec->left)
        printf_repeat(s, ' ', pad);
}

/* The digits of value, at the end of the buffer; none for 0. Returns how many characters there are. */
static int make_digits(char buffer[MAX_DIGITS], uint64_t value, unsigned base, const char *set, bool commas)
{
    int n = MAX_DIGITS;

    for (int nr = 0; value; nr++, value /= base) {
        if (commas && nr && nr % 3 == 0)
            buffer[--n] = ',';
        buffer[--n] = set[value % base];
    }
    return MAX_DIGITS - n;
}

static void put_number(struct printf_sink *s, struct printf_spec *spec, uint64_t value, char sign, unsigned base,
                       const char *prefix)
{
    char buffer[MAX_DIGITS];
    bool upper = prefix[0] && prefix[1] == 'X';
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    int digits = make_digits(buffer, value, base, set, spec->commas);
    int wanted = spec->precision < 0 ? 1 : spec->precision;

    if (base == 8 && spec->alternate && wanted <= digits)
        wanted = digits + 1; /* the first digit is to be a zero */
    if (spec->precision >= 0)
        spec->zero = false;
    int zeros = wanted > digits ? wanted - digits : 0;
    long behind = printf_begin_number(s, spec, sign, spec->alternate ? prefix : "", (long)zeros + digits);
    printf_repeat(s, '0', zeros);
    for (int i = MAX_DIGITS - digits; i < MAX_DIGITS; i++)
        printf_put(s, buffer[i]);
    printf_repeat(s, ' ', behind);
}

static const char *parse_flags(const char *f, struct printf_spec *spec)
{
    for (;; f++) {
        if (*f == '-')
            spec->left = true;
        else if (*f == '0')
            spec->zero = true;
        else if (*f == '+')
            spec->plus = true;
        else if (*f == ' ')
            spec->space = true;
        else if (*f == '#')
            spec->alternate = true;
        else if (*f == '\'')
            spec->commas = true;
        else
            return f;
    }
}

/* A width or a precision: digits, or * for an argument. */
static const char *parse_number(const char *f, struct printf_arguments *a, int *value)
{
    if (*f == '*') {
        *value = va_arg(a->list, int);
        return f + 1;
    }
    for (*value = 0; *f >= '0' && *f <= '9'; f++)
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, *f - '0', value))
            *value = __INT_MAX__;
    return f;
}

static const char *parse_length(const char *f, enum printf_length *length)
{
    for (;; f++) {
        if (*f == 'l' || *f == 'z' || *f == 'j' || *f == 't')
            *length = LENGTH_LONG;
        else if (*f == 'L')
            *length = LENGTH_LONG_DOUBLE;
        else if (*f == 'h')
            *length = *length == LENGTH_SHORT ? LENGTH_CHAR : LENGTH_SHORT;
        else
            return f;
    }
}

/* Parse what stands between % and the conversion. Returns the position of the conversion. */
static const char *parse_spec(const char *f, struct printf_arguments *a, struct printf_spec *spec)
{
    *spec = (struct printf_spec){.precision = -1};
    f = parse_flags(f, spec);
    f = parse_number(f, a, &spec->width);
    if (spec->width < 0) {
        spec->left = true;
        spec->width = spec->width == -__INT_MAX__ - 1 ? __INT_MAX__ : -spec->width;
    }
    if (*f == '.')
        f = parse_number(f + 1, a, &spec->precision);
    return parse_length(f, &spec->length);
}

static void put_signed(struct printf_sink *s, struct printf_spec *spec, struct printf_arguments *a)
{
    int64_t v = spec->length >= LENGTH_LONG ? va_arg(a->list, long) : va_arg(a->list, int);

    if (spec->length == LENGTH_SHORT)
        v = (int16_t)v;
    if (spec->length == LENGTH_CHAR)
        v = (int8_t)v;
    put_number(s, spec, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, printf_sign(spec, v < 0), 10, "");
}

static void put_unsigned(struct printf_sink *s, struct printf_spec *spec, struct printf_arguments *a, char conversion)
{
    uint64_t v = spec->length >= LENGTH_LONG ? va_arg(a->list, unsigned long) : va_arg(a->list, unsigned);

    if (spec->length == LENGTH_SHORT)
        v = (uint16_t)v;
    if (spec->length == LENGTH_CHAR)
        v = (uint8_t)v;
    if (conversion == 'u' || conversion == 'o') {
        put_number(s, spec, v, 0, conversion == 'u' ? 10 : 8, "");
        return;
    }
    spec->commas = false;
    if (v == 0) /* zero has no prefix */
        spec->alternate = false;
    put_number(s, spec, v, 0, 16, conversion == 'X' ? "0X" : "0x");
}

static void put_pointer(struct printf_sink *s, struct printf_spec *spec, struct printf_arguments *a)
{
    spec->alternate = true;
    put_number(s, spec, (uintptr_t)va_arg(a->list, void *), 0, 16, "0x");
}

static void put_string(struct printf_sink *s, const struct printf_spec *spec, const char *text)
{
    text = text ? text : "(null)";
    put_text(s, spec, text, spec->precision >= 0 ? strnlen(text, (size_t)spec->precision) : strlen(text));
}

/* False: there is no such conversion, and nothing was put. */
static bool put_conversion(struct printf_sink *s, struct printf_spec *spec, struct printf_arguments *a, char conversion)
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
        put_text(s, spec, &c, 1);
        return true;
    case 's':
        put_string(s, spec, va_arg(a->list, const char *));
        return true;
    case '%':
        printf_put(s, '%');
        return true;
    default:
        return printf_more(s, spec, a, conversion);
    }
}

int vsnprintf(char *out, size_t size, const char *fmt, va_list ap)
{
    struct printf_sink s = {out, size, 0};
    struct printf_arguments a;
    struct printf_spec spec;

    va_copy(a.list, ap);
    for (const char *f = fmt; *f; f++) {
        if (*f != '%') {
            printf_put(&s, *f);
            continue;
        }
        const char *start = f;
        f = parse_spec(f + 1, &a, &spec);
        if (put_conversion(&s, &spec, &a, *f))
            continue;
        while (start <= f && *start) /* not a conversion: print it unchanged */
            printf_put(&s, *start++);
        if (!*f)
            break;
    }
    va_end(a.list);
    if (size)
        out[s.len < size ? s.len : size - 1] = 0;
    return s.len > __INT_MAX__ ? -1 : (int)s.len;
}

int snprintf(char *out, size_t size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(out, size, fmt, args);
    va_end(args);
    return n;
}
