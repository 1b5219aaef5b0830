/* SPDX-License-Identifier: MIT */
/* A million random formats and values through both printf functions. */
#include "compare.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NR_CASES 1000000
#define TEXT_MAX 2048

enum kind { INT, LONG, DOUBLE, LONG_DOUBLE, TEXT };

/* A format with one conversion, and its arguments. A second conversion, %n, says how many characters came before it. */
struct print {
    char format[64];
    enum kind kind;
    unsigned stars; /* arguments in front of the value: width, precision */
    int star[2], length;
    long whole;
    double real;
    long double real_long;
    char text[48];
};

typedef int print_function(char *out, size_t size, const char *fmt, ...);

#define CALL_WITH(value)                                                                                               \
    (p->stars == 0   ? print(out, size, p->format, value, &p->length)                                                  \
     : p->stars == 1 ? print(out, size, p->format, p->star[0], value, &p->length)                                      \
                     : print(out, size, p->format, p->star[0], p->star[1], value, &p->length))

static int call(print_function *print, char *out, size_t size, struct print *p)
{
    p->length = -1;
    switch (p->kind) {
    case INT:
        return CALL_WITH((int)p->whole);
    case LONG:
        return CALL_WITH(p->whole);
    case DOUBLE:
        return CALL_WITH(p->real);
    case LONG_DOUBLE:
        return CALL_WITH(p->real_long);
    default:
        return CALL_WITH(p->text);
    }
}

/* --- making a format ----------------------------------------------------------------------------- */
static void append(struct print *p, const char *text) { strcat(p->format, text); }

/* Mostly small, sometimes large. */
static int random_size(int small, int large) { return (int)random_below((unsigned)(random_below(50) ? small : large)); }

static void append_number(struct print *p, int value)
{
    char digits[16];

    if (random_below(4) == 0) {
        p->star[p->stars++] = random_below(8) ? value : -value;
        append(p, "*");
        return;
    }
    snprintf(digits, sizeof(digits), "%d", value);
    append(p, digits);
}

static void append_flags(struct print *p, const char *allowed)
{
    for (unsigned n = random_below(4); n; n--) {
        char flag[2] = {allowed[random_below((unsigned)strlen(allowed))], 0};
        append(p, flag);
    }
}

static const char *pick(const char *const *from, unsigned nr) { return from[random_below(nr)]; }
#define PICK(...) pick((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* What each conversion allows: other flags, and a precision of %c, are undefined. */
static const char *flags_of(char conversion)
{
    return strchr("di", conversion) ? "-0+ " : conversion == 'u' ? "-0" : strchr("csp", conversion) ? "-" : "-0+ #";
}

static void choose_value(struct print *p, char conversion, const char *length)
{
    p->whole = (long)random_number();
    p->real = random_double();
    p->real_long = random_below(2) ? p->real : (long double)p->real * powl(10, (int)random_below(600) - 300) / 3;
    size_t n = random_below(sizeof(p->text));
    for (size_t i = 0; i < n; i++)
        p->text[i] = (char)('a' + random_below(26));
    p->text[n] = 0;
    if (conversion == 's')
        p->kind = TEXT;
    else if (strchr("aAeEfFgG", conversion))
        p->kind = *length == 'L' ? LONG_DOUBLE : DOUBLE;
    else
        p->kind = strchr("ljzt", *length) && *length ? LONG : INT;
    if (conversion == 'p') {
        p->kind = LONG;
        p->whole = p->whole ? p->whole : 1; /* how NULL is printed isn't defined */
    }
    if (conversion == 'c') {
        p->kind = INT;
        p->whole = (long)(1 + random_below(255));
    }
}

static void choose(struct print *p)
{
    char conversion[2] = {"diuoxXcspeEfFgGaAdxfg"[random_below(21)], 0};
    const char *length = "";

    memset(p, 0, sizeof(*p));
    append(p, PICK("", "", "x", "%%", "a b "));
    append(p, "%");
    append_flags(p, flags_of(*conversion));
    if (random_below(2))
        append_number(p, random_size(30, 700));
    if (*conversion != 'c' && *conversion != 'p' && random_below(2)) {
        append(p, ".");
        if (random_below(8))
            append_number(p, random_size(25, 700));
    }
    if (strchr("diuoxX", *conversion))
        length = PICK("", "", "hh", "h", "l", "ll", "j", "z", "t");
    else if (strchr("aAeEfFgG", *conversion))
        length = PICK("", "", "", "l", "L");
    if (strchr("aA", *conversion) && *length == 'L')
        length = ""; /* the first digit of %La isn't defined */
    append(p, length);
    append(p, conversion);
    append(p, PICK("", "", "y", "%%", " c"));
    append(p, "%n");
    choose_value(p, *conversion, length);
}

/*
 * The build machine's library may be wrong: glibc before 2.37 loses the zeros of %#g where rounding carries the number
 * to the power of ten at which %g changes its form.
 */
static bool is_known_error(struct print *p)
{
    static char text[TEXT_MAX];

    if (!strchr(p->format, '#') || !strpbrk(p->format, "gG"))
        return false;
    call(snprintf, text, sizeof(text), p);
    return strstr(text, "1.e") || strstr(text, "1.E");
}

/* How much of the text a failure shows: what lies behind a short buffer too. */
static int shown(size_t size) { return size < 64 ? 64 : (int)size; }

static void report(struct print *p, unsigned long i, size_t size, int seen, int seen_length, const char *out,
                   int expected, int expected_length, const char *reference)
{
    static char what[3 * TEXT_MAX], first[3 * TEXT_MAX], second[3 * TEXT_MAX];

    snprintf(what, sizeof(what), "case %lu: snprintf(out, %zu, \"%s\"), %u stars: %d %d, value %ld, %a, %La, \"%s\"", i,
             size, p->format, p->stars, p->star[0], p->star[1], p->whole, p->real, p->real_long, p->text);
    snprintf(first, sizeof(first), "\"%.*s\", result %d, %%n %d", shown(size), reference, expected, expected_length);
    snprintf(second, sizeof(second), "\"%.*s\", result %d, %%n %d", shown(size), out, seen, seen_length);
    differs(what, first, second);
}

void printf_random(void)
{
    static char out[TEXT_MAX], reference[TEXT_MAX];
    struct print p;

    for (unsigned long i = 0; i < cases(NR_CASES); i++) {
        choose(&p);
        size_t size = random_below(4) ? TEXT_MAX : random_below(20), looked_at = size < 64 ? 64 : 0;
        memset(out, '~', looked_at);
        memset(reference, '~', looked_at);
        int expected = call(snprintf, reference, size, &p), expected_length = p.length;
        int seen = call(quire_snprintf, out, size, &p), seen_length = p.length;
        if (seen == expected && seen_length == expected_length &&
            (looked_at ? !memcmp(out, reference, looked_at) : !strcmp(out, reference)))
            continue;
        if (is_known_error(&p))
            continue;
        out[TEXT_MAX - 1] = reference[TEXT_MAX - 1] = 0;
        report(&p, i, size, seen, seen_length, out, expected, expected_length, reference);
        return;
    }
}
