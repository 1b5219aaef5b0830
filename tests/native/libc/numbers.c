/* SPDX-License-Identifier: MIT */
/* Numbers from text: strtol, strtod and their relatives. */
#include "compare.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 1400

/* Letters that numbers are made of, so that many texts are almost numbers. */
static void any_text(char *text, const char *letters)
{
    size_t n = random_below(14);

    for (size_t i = 0; i < n; i++)
        text[i] = letters[random_below((unsigned)strlen(letters))];
    text[n] = 0;
}

static void whole_text(char *text)
{
    static const char *const forms[] = {"%ld", "%lu", "  +%lu", "0x%lx", "-0X%lXg", "0%lo", "%lu0", "-%lu", "%lu9 "};

    if (random_below(2))
        any_text(text, "0123456789abcxXzZ+- \t");
    else
        snprintf(text, 64, forms[random_below(sizeof(forms) / sizeof(forms[0]))], random_number());
}

/* What a function returned, where it stopped, and its error; how: which function. */
struct answer {
    unsigned long value;
    size_t stopped;
    int error;
};

static struct answer ask(unsigned how, const char *text, int base, bool ours)
{
    char *end = NULL;
    struct answer a = {0};

    errno = 0;
    switch (how) {
    case 0:
        a.value = (unsigned long)(ours ? quire_strtol : strtol)(text, &end, base);
        break;
    case 1:
        a.value = (ours ? quire_strtoul : strtoul)(text, &end, base);
        break;
    case 2:
        a.value = (unsigned long)(ours ? quire_strtoll : strtoll)(text, &end, base);
        break;
    case 3:
        a.value = (ours ? quire_strtoull : strtoull)(text, &end, base);
        break;
    default:
        a.value = (unsigned long)(ours ? quire_strtol : strtol)(text, NULL, base);
    }
    a.error = errno;
    a.stopped = end ? (size_t)(end - text) : 0;
    return a;
}

void strtol_random(void)
{
    char text[128], what[300], first[100], second[100];

    for (unsigned long i = 0; i < cases(1000000); i++) {
        int base = random_below(3) ? (int)(random_below(2) ? 10 : 0) : (int)random_below(40) - 1;
        unsigned how = random_below(5);
        whole_text(text);
        struct answer a = ask(how, text, base, false), b = ask(how, text, base, true);
        /* where it stops isn't defined if there is no such base */
        if (a.value == b.value && a.error == b.error && (a.stopped == b.stopped || a.error == EINVAL))
            continue;
        snprintf(what, sizeof(what), "case %lu: function %u, \"%s\", base %d", i, how, text, base);
        snprintf(first, sizeof(first), "%ld, stopped at %zu, errno %d", (long)a.value, a.stopped, a.error);
        snprintf(second, sizeof(second), "%ld, stopped at %zu, errno %d", (long)b.value, b.stopped, b.error);
        differs(what, first, second);
        return;
    }
}

/* --- floating-point numbers ----------------------------------------------------------------------- */
struct real_answer {
    long double value;
    size_t stopped;
    int error;
};

static struct real_answer ask_real(unsigned how, const char *text, bool ours)
{
    char *end = NULL;
    struct real_answer a = {0};

    errno = 0;
    if (how == 0)
        a.value = (ours ? quire_strtof : strtof)(text, &end);
    else if (how == 1)
        a.value = (ours ? quire_strtold : strtold)(text, &end);
    else
        a.value = (ours ? quire_strtod : strtod)(text, &end);
    a.error = errno;
    a.stopped = (size_t)(end - text);
    return a;
}

/* A text whose value is exactly, or almost, the middle between two neighbors. */
static void middle_text(char *text)
{
    double x = fabs(random_double());
    int n;

    if (!isfinite(x) || x > 1e300)
        x = 1;
    long double middle = ((long double)x + nextafter(x, INFINITY)) / 2;
    n = snprintf(text, TEXT_MAX - 2, "%.*Le", random_below(2) ? 1100 : 30, middle);
    if (random_below(2)) { /* one more digit, or one less, before the exponent */
        char *e = strchr(text, 'e');
        if (random_below(2)) {
            memmove(e + 1, e, (size_t)(text + n - e) + 1);
            *e = '1';
        } else if (e[-1] > '0') {
            e[-1]--;
        }
    }
}

static void real_text(char *text)
{
    static const char *const forms[] = {"%.17g", "%.15g", "%.20e", "%f", "%a", "%.3g", "%.40g", " +%.9ge2", "%.25a"};

    switch (random_below(5)) {
    case 0:
        any_text(text, random_below(2) ? "0123456789.e+-" : "0123456789.eE+-xXpPabfinINTYy() ");
        return;
    case 1:
        middle_text(text);
        return;
    case 2:
        snprintf(text, TEXT_MAX, "%lu.%lue%d", random_number(), random_number(), (int)random_below(700) - 350);
        return;
    default:
        snprintf(text, TEXT_MAX, forms[random_below(sizeof(forms) / sizeof(forms[0]))], random_double());
    }
}

/* Same number, sign included; one NaN is as good as another. */
static bool same(long double a, long double b)
{
    return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

/* Whether the smallest normal number and its neighbors report ERANGE depends on how tiny numbers are recognized. */
static bool error_is_defined(unsigned how, long double value)
{
    long double smallest = how == 0 ? 0x1p-126L : how == 1 ? 0x1p-16382L : 0x1p-1022L;

    return fabsl(value) != smallest;
}

static bool compare_real(unsigned long i, unsigned how, const char *text)
{
    static char what[TEXT_MAX + 100], first[200], second[200];
    struct real_answer a = ask_real(how, text, false), b = ask_real(how, text, true);

    if (same(a.value, b.value) && a.stopped == b.stopped && (a.error == b.error || !error_is_defined(how, a.value)))
        return true;
    snprintf(what, sizeof(what), "case %lu: function %u, \"%s\"", i, how, text);
    snprintf(first, sizeof(first), "%La, stopped at %zu, errno %d", a.value, a.stopped, a.error);
    snprintf(second, sizeof(second), "%La, stopped at %zu, errno %d", b.value, b.stopped, b.error);
    differs(what, first, second);
    return false;
}

void strtod_random(void)
{
    static char text[TEXT_MAX];

    for (unsigned long i = 0; i < cases(60000); i++) {
        real_text(text);
        if (!compare_real(i, random_below(8), text))
            return;
    }
}

/* 17 digits bring every double back. */
void strtod_printed(void)
{
    char text[64], seen[64];

    for (unsigned long i = 0; i < cases(60000); i++) {
        double x = random_double();
        quire_snprintf(text, sizeof(text), "%.17g", x);
        double back = quire_strtod(text, NULL);
        if (same(x, back))
            continue;
        snprintf(seen, sizeof(seen), "%a", back);
        differs("a double printed with %.17g and read again", text, seen);
        return;
    }
}
