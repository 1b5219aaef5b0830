/* SPDX-License-Identifier: MIT */
/* The conversions of printf that only programs have: %a %e %f %g, exact for every number and precision, and %n. */
#include <ctype.h>
#include <quire/format.h>
#include "decimal.h"

#define DOUBLE_MIN_EXPONENT (-1022) /* of the first bit of a double; smaller ones have leading zeros */

/* Digits from 10^from down to 10^to, with the point behind 10^0. */
static void put_digits(struct printf_sink *s, const struct decimal *d, long from, long to)
{
    for (long power = from; power >= to; power--) {
        if (power == -1)
            printf_put(s, '.');
        if (power < -(long)d->scale) { /* only zeros from here on */
            printf_repeat(s, '0', power - to + 1);
            return;
        }
        printf_put(s, (char)('0' + decimal_digit(d, power)));
    }
}

/* digits: behind the point, here and below. The number is rounded there already. */
static void put_fixed(struct printf_sink *s, const struct printf_spec *spec, char sign, const struct decimal *d,
                      long digits)
{
    int first = decimal_first(d);
    long before = first > 0 ? first + 1 : 1;
    bool point = digits > 0 || spec->alternate;
    long behind = printf_begin_number(s, spec, sign, "", before + point + digits);

    put_digits(s, d, before - 1, -digits);
    if (point && digits == 0)
        printf_put(s, '.');
    printf_repeat(s, ' ', behind);
}

/* At least `least` digits, with a sign in front. */
static void put_exponent(struct printf_sink *s, char letter, int exponent, int least)
{
    unsigned value = exponent < 0 ? 0u - (unsigned)exponent : (unsigned)exponent, unit = least > 1 ? 10 : 1;

    printf_put(s, letter);
    printf_put(s, exponent < 0 ? '-' : '+');
    while (value / unit >= 10)
        unit *= 10;
    for (; unit; unit /= 10)
        printf_put(s, (char)('0' + value / unit % 10));
}

/* How many characters put_exponent() puts. */
static int exponent_characters(int exponent, int least)
{
    struct printf_sink count = {0};

    put_exponent(&count, 'e', exponent, least);
    return (int)count.len;
}

static void put_scientific(struct printf_sink *s, const struct printf_spec *spec, char sign, struct decimal *d,
                           long digits, char letter)
{
    int exponent = decimal_first(d);
    bool point = digits > 0 || spec->alternate;
    long behind = printf_begin_number(s, spec, sign, "", 1 + point + digits + exponent_characters(exponent, 2));

    d->scale += exponent; /* the first digit counts 10^0 */
    put_digits(s, d, 0, -digits);
    if (point && digits == 0)
        printf_put(s, '.');
    put_exponent(s, letter, exponent, 2);
    printf_repeat(s, ' ', behind);
}

/* %g: the shorter of both forms, with this many digits that count. Zeros at the end are left out. */
static void put_general(struct printf_sink *s, const struct printf_spec *spec, char sign, struct decimal *d,
                        long digits, char letter)
{
    digits = digits ? digits : 1;
    decimal_round(d, decimal_first(d) - (digits - 1));
    int exponent = decimal_first(d);
    bool fixed = exponent >= -4 && exponent < digits;
    long last = exponent - (digits - 1); /* the power of the last digit */

    if (!spec->alternate) {
        last = last < -(long)d->scale ? -(long)d->scale : last;
        while (last < (fixed ? 0 : exponent) && !decimal_digit(d, last))
            last++;
    }
    if (fixed)
        put_fixed(s, spec, sign, d, last < 0 ? -last : 0);
    else
        put_scientific(s, spec, sign, d, exponent - last, letter);
}

/* Rounds the mantissa to a first bit and 4 * digits bits behind it, half to even. */
static unsigned __int128 round_hexadecimal(unsigned __int128 mantissa, int digits)
{
    int shift = 127 - 4 * digits;
    unsigned __int128 one = (unsigned __int128)1 << shift, rest = mantissa & (one - 1);

    mantissa >>= shift;
    return mantissa + (rest > one / 2 || (rest == one / 2 && (mantissa & 1)));
}

static void put_hexadecimal(struct printf_sink *s, const struct printf_spec *spec, char sign, struct binary b,
                            bool upper)
{
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    int exponent = b.mantissa ? b.exponent + 127 : 0, digits = 31;

    if (spec->length != LENGTH_LONG_DOUBLE && exponent < DOUBLE_MIN_EXPONENT) {
        b.mantissa >>= DOUBLE_MIN_EXPONENT - exponent;
        exponent = DOUBLE_MIN_EXPONENT;
    }
    if (spec->precision >= 0 && spec->precision < digits)
        digits = spec->precision;
    b.mantissa = round_hexadecimal(b.mantissa, digits);
    if (spec->precision < 0)
        for (; digits && (b.mantissa & 15) == 0; digits--)
            b.mantissa >>= 4;
    long zeros = spec->precision > digits ? spec->precision - digits : 0;
    bool point = digits > 0 || spec->alternate;
    long behind = printf_begin_number(s, spec, sign, upper ? "0X" : "0x",
                                      1 + point + digits + zeros + exponent_characters(exponent, 1));
    for (int i = digits; i >= 0; i--) {
        printf_put(s, set[(unsigned)(b.mantissa >> (4 * i)) & 15]);
        if (i == digits && point)
            printf_put(s, '.');
    }
    printf_repeat(s, '0', zeros);
    put_exponent(s, upper ? 'P' : 'p', exponent, 1);
    printf_repeat(s, ' ', behind);
}

/* Infinity, or what isn't a number. */
static void put_word(struct printf_sink *s, struct printf_spec *spec, char sign, const char *word)
{
    spec->zero = false;
    long behind = printf_begin_number(s, spec, sign, "", 3);

    for (int i = 0; i < 3; i++)
        printf_put(s, word[i]);
    printf_repeat(s, ' ', behind);
}

static void put_decimal(struct printf_sink *s, const struct printf_spec *spec, char sign, struct binary b,
                        char conversion)
{
    long digits = spec->precision < 0 ? 6 : spec->precision;
    struct decimal d;

    decimal_from(&d, b);
    if (tolower(conversion) == 'f') {
        decimal_round(&d, -digits);
        put_fixed(s, spec, sign, &d, digits);
    } else if (tolower(conversion) == 'e') {
        decimal_round(&d, decimal_first(&d) - digits);
        put_scientific(s, spec, sign, &d, digits, conversion);
    } else {
        put_general(s, spec, sign, &d, digits, conversion == 'g' ? 'e' : 'E');
    }
}

static void put_double(struct printf_sink *s, struct printf_spec *spec, long double x, char conversion)
{
    bool negative = __builtin_signbit(x);
    char sign = printf_sign(spec, negative);

    x = negative ? -x : x;
    if (__builtin_isnan(x))
        put_word(s, spec, sign, isupper(conversion) ? "NAN" : "nan");
    else if (__builtin_isinf(x))
        put_word(s, spec, sign, isupper(conversion) ? "INF" : "inf");
    else if (tolower(conversion) == 'a')
        put_hexadecimal(s, spec, sign, binary_from(x), conversion == 'A');
    else
        put_decimal(s, spec, sign, binary_from(x), conversion);
}

/* %n: how many characters came before it. */
static void store_length(const struct printf_sink *s, const struct printf_spec *spec, void *to)
{
    if (spec->length == LENGTH_CHAR)
        *(signed char *)to = (signed char)s->len;
    else if (spec->length == LENGTH_SHORT)
        *(short *)to = (short)s->len;
    else if (spec->length == LENGTH_INT)
        *(int *)to = (int)s->len;
    else
        *(long *)to = (long)s->len;
}

bool printf_more(struct printf_sink *s, struct printf_spec *spec, struct printf_arguments *a, char conversion)
{
    switch (conversion) {
    case 'a':
    case 'A':
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        if (spec->length == LENGTH_LONG_DOUBLE)
            put_double(s, spec, va_arg(a->list, long double), conversion);
        else
            put_double(s, spec, va_arg(a->list, double), conversion);
        return true;
    case 'n':
        store_length(s, spec, va_arg(a->list, void *));
        return true;
    default:
        return false;
    }
}
