/* SPDX-License-Identifier: MIT */
/*
 * Floating-point numbers from text, rounded correctly. A first guess is close; then the text is compared, digit by
 * digit, with the exact middles between neighboring numbers, until it lies between two of them.
 */
#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "decimal.h"

/* A kind of number: bits of the mantissa, exponents of its last bit for the smallest and the largest numbers. */
struct format {
    int bits, least, most;
};
static const struct format formats[] = {
    {FLT_MANT_DIG, FLT_MIN_EXP - FLT_MANT_DIG, FLT_MAX_EXP - FLT_MANT_DIG},
    {DBL_MANT_DIG, DBL_MIN_EXP - DBL_MANT_DIG, DBL_MAX_EXP - DBL_MANT_DIG},
    {LDBL_MANT_DIG, LDBL_MIN_EXP - LDBL_MANT_DIG, LDBL_MAX_EXP - LDBL_MANT_DIG},
};

/* A decimal number in a text, its first digit not 0; the first digit counts 10^power. */
struct digits {
    const char *first, *end; /* a point may stand between them */
    long power;
};

static long double times_power(long double x, long double base, long exponent)
{
    unsigned long n = exponent < 0 ? 0ul - (unsigned long)exponent : (unsigned long)exponent;

    for (; n; n >>= 1) {
        if (n & 1)
            x = exponent < 0 ? x / base : x * base;
        if (n > 1)
            base *= base;
    }
    return x;
}

/* Order of the text and mantissa * 2^exponent: below 0, 0, above 0. */
static int compare(const struct digits *text, unsigned __int128 mantissa, int exponent)
{
    struct decimal d;

    decimal_from(&d, (struct binary){mantissa, exponent});
    int first = decimal_first(&d);
    if (!mantissa || first != text->power)
        return !mantissa || text->power > first ? 1 : -1;
    long power = first;
    for (const char *p = text->first; p < text->end; p++) {
        if (*p == '.')
            continue;
        int difference = *p - '0' - decimal_digit(&d, power--);
        if (difference)
            return difference;
    }
    for (; power >= -(long)d.scale; power--)
        if (decimal_digit(&d, power))
            return -1;
    return 0;
}

/*
 * The place of a number among all numbers of its format: 0 is 0, and neighbors have neighboring places, also where the
 * exponent changes.
 */
typedef unsigned __int128 place_t;

static place_t place_of(const struct format *f, struct binary b)
{
    return ((place_t)(b.exponent - f->least) << (f->bits - 1)) + b.mantissa;
}

static struct binary number_at(const struct format *f, place_t place)
{
    int above = (int)(place >> (f->bits - 1));

    above = above ? above - 1 : 0;
    return (struct binary){place - ((place_t)above << (f->bits - 1)), f->least + above};
}

/* Is the text above the middle between this number and the next larger one? In the middle it goes to the even one. */
static bool belongs_above(const struct format *f, const struct digits *text, place_t place)
{
    struct binary b = number_at(f, place);
    int order = compare(text, b.mantissa * 2 + 1, b.exponent - 1);

    return order > 0 || (order == 0 && (b.mantissa & 1));
}

/* How many bits the mantissa of a number of this format loses. */
static int lost_bits(const struct format *f, struct binary b)
{
    int shift = 128 - f->bits;

    return b.exponent + shift < f->least ? f->least - b.exponent : shift;
}

static struct binary cut(const struct format *f, struct binary b)
{
    int shift = lost_bits(f, b);

    if (!b.mantissa || shift >= 128)
        return (struct binary){0, f->least};
    return (struct binary){b.mantissa >> shift, b.exponent + shift};
}

/* About the number that the text means, at most the largest. */
static long double guess(const struct digits *text)
{
    long double x = 0;
    int taken = 0;

    for (const char *p = text->first; p < text->end && taken < 30; p++)
        if (*p != '.') {
            x = x * 10 + (*p - '0');
            taken++;
        }
    x = times_power(x, 10, text->power - taken + 1);
    return x > LDBL_MAX ? LDBL_MAX : x;
}

/*
 * The first number that the text isn't above the middle of. The guess is the number itself or near it, so the search
 * goes away from it in growing steps, and then halves what is left.
 */
static struct binary nearest(const struct format *f, const struct digits *text)
{
    place_t low = place_of(f, cut(f, binary_from(guess(text)))), high = low, step = 1;

    for (; low > 0 && !belongs_above(f, text, low - 1); step *= 2) {
        high = low - 1;
        low = low > step ? low - step : 0;
    }
    for (; belongs_above(f, text, high); step *= 2) {
        low = high + 1;
        high += step;
    }
    while (low < high) {
        place_t middle = low + (high - low) / 2;
        if (belongs_above(f, text, middle))
            low = middle + 1;
        else
            high = middle;
    }
    return number_at(f, low);
}

/* The number as a value; ERANGE if it is too large, or so small that it has lost bits. */
static long double finish(const struct format *f, struct binary b, bool exact)
{
    if (b.exponent > f->most) {
        errno = ERANGE;
        return __builtin_infl();
    }
    if (!exact && b.mantissa >> (f->bits - 1) == 0)
        errno = ERANGE;
    return binary_value(b);
}

/* --- the forms of a number ------------------------------------------------------------------- */
/* An exponent behind this letter, if there is one with digits; *text is moved behind it. */
static long take_exponent(const char **text, char letter)
{
    const char *p = *text;

    if (tolower(*p) != letter)
        return 0;
    p++;
    bool negative = *p == '-';
    p += *p == '-' || *p == '+';
    if (!isdigit((unsigned char)*p))
        return 0;
    long value = 0;
    for (; isdigit((unsigned char)*p); p++)
        value = value < 1000000000 ? value * 10 + (*p - '0') : value;
    *text = p;
    return negative ? -value : value;
}

static long double take_decimal(const struct format *f, const char **text)
{
    const char *p = *text, *point = NULL;
    struct digits digits = {0};

    for (; isdigit((unsigned char)*p) || (*p == '.' && !point); p++) {
        if (*p == '.')
            point = p;
        else if (*p != '0' && !digits.first)
            digits.first = p;
    }
    digits.end = p;
    point = point ? point : p;
    digits.power = digits.first < point ? point - digits.first - 1 : point - digits.first;
    digits.power += take_exponent(&p, 'e');
    *text = p;
    if (!digits.first)
        return 0;
    if (digits.power > LDBL_MAX_10_EXP)
        return finish(f, (struct binary){1, f->most + 1}, false);
    if (digits.power < LDBL_MIN_10_EXP - 60)
        return finish(f, (struct binary){0, f->least}, false);
    struct binary b = nearest(f, &digits);
    return finish(f, b, compare(&digits, b.mantissa, b.exponent) == 0);
}

static int hex_digit(char c) { return isdigit((unsigned char)c) ? c - '0' : tolower(c) - 'a' + 10; }

/* more: bits that are 1 follow behind the mantissa. */
static long double round_bits(const struct format *f, struct binary b, bool more)
{
    if (!b.mantissa)
        return 0;
    for (; !(b.mantissa >> 127); b.exponent--)
        b.mantissa <<= 1;
    int shift = lost_bits(f, b);
    struct binary rounded = cut(f, b);
    unsigned __int128 half = shift <= 128 ? (unsigned __int128)1 << (shift - 1) : 0;
    unsigned __int128 rest = shift < 128 ? b.mantissa & (half * 2 - 1) : b.mantissa;
    if (half && (rest > half || (rest == half && (more || (rounded.mantissa & 1)))))
        rounded = number_at(f, place_of(f, rounded) + 1);
    return finish(f, rounded, !rest && !more);
}

/* *text: behind 0x. */
static long double take_hexadecimal(const struct format *f, const char **text)
{
    struct binary b = {0, 0};
    long exponent = 0;
    bool point = false, more = false;
    const char *p = *text;

    for (; isxdigit((unsigned char)*p) || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
        } else if (b.mantissa >> 124) {
            more |= hex_digit(*p) != 0;
            exponent += point ? 0 : 4;
        } else {
            b.mantissa = b.mantissa << 4 | (unsigned)hex_digit(*p);
            exponent -= point ? 4 : 0;
        }
    }
    exponent += take_exponent(&p, 'p');
    *text = p;
    b.exponent = (int)(exponent > 100000 ? 100000 : exponent < -100000 ? -100000 : exponent);
    return round_bits(f, b, more);
}

/* Infinity or nan, nan(letters). False: neither stands there. */
static bool take_word(const char **text, long double *x)
{
    const char *p = *text;

    if (strncasecmp(p, "inf", 3) == 0) {
        *text = p + (strncasecmp(p, "infinity", 8) == 0 ? 8 : 3);
        *x = __builtin_infl();
        return true;
    }
    if (strncasecmp(p, "nan", 3) != 0)
        return false;
    *text = p += 3;
    *x = __builtin_nanl("");
    if (*p == '(') {
        for (p++; isalnum((unsigned char)*p) || *p == '_'; p++)
            ;
        *text = *p == ')' ? p + 1 : *text;
    }
    return true;
}

static long double take_number(const char *text, char **end, const struct format *f)
{
    const char *p = text;
    long double x;

    while (isspace((unsigned char)*p))
        p++;
    bool negative = *p == '-';
    p += *p == '-' || *p == '+';
    if (!take_word(&p, &x)) {
        if (p[0] == '0' && tolower(p[1]) == 'x' && isxdigit((unsigned char)p[p[2] == '.' ? 3 : 2])) {
            p += 2;
            x = take_hexadecimal(f, &p);
        } else if (isdigit((unsigned char)p[*p == '.' ? 1 : 0])) {
            x = take_decimal(f, &p);
        } else {
            p = text;
            x = negative = 0;
        }
    }
    if (end)
        *end = (char *)p;
    return negative ? -x : x;
}

float strtof(const char *text, char **end) { return (float)take_number(text, end, &formats[0]); }
double strtod(const char *text, char **end) { return (double)take_number(text, end, &formats[1]); }
long double strtold(const char *text, char **end) { return take_number(text, end, &formats[2]); }
double atof(const char *text) { return strtod(text, NULL); }
