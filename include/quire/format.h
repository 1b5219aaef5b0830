/* SPDX-License-Identifier: MIT */
/*
 * The parts of printf that its two files share: lib/printf.c, for kernel and C library, and user/lib/printf_float.c,
 * which has the conversions that only programs know.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Where the text goes: out[0] to out[size - 1]; len counts the characters that didn't fit too. */
struct printf_sink {
    char *out;
    size_t size, len;
};

enum printf_length { LENGTH_INT, LENGTH_CHAR, LENGTH_SHORT, LENGTH_LONG, LENGTH_LONG_DOUBLE };

/* What stands between % and the conversion. */
struct printf_spec {
    bool left, zero, plus, space, alternate, commas;
    int width, precision; /* precision -1: none given */
    enum printf_length length;
};

/*
 * The remaining arguments, for functions that each take some of them. They are in a struct because va_list is an array
 * on some machines: there a parameter of that type is a pointer, and taking its address gives the address of the
 * pointer.
 */
struct printf_arguments {
    va_list list;
};

/* Puts one character. */
void printf_put(struct printf_sink *s, char c);
/* Puts a character n times; nothing if n <= 0. */
void printf_repeat(struct printf_sink *s, char c, long n);
/* The sign that this number gets: '-', '+', ' ' or 0 for none. */
char printf_sign(const struct printf_spec *spec, bool negative);
/*
 * Puts what stands left of a number's digits: blanks, the sign, the prefix ("0x" or ""), and zeros if the width is
 * filled with zeros. digits: how many characters the caller puts afterwards. Returns how many blanks belong behind
 * them.
 */
long printf_begin_number(struct printf_sink *s, const struct printf_spec *spec, char sign, const char *prefix,
                         long digits);

/* The conversions %a %e %f %g and %n, which the kernel doesn't have. False: it is none of them, and nothing was put. */
#ifdef __QUIRE_KERNEL__
static inline bool printf_more(struct printf_sink *s, struct printf_spec *spec, struct printf_arguments *a,
                               char conversion)
{
    return false;
}
#else
bool printf_more(struct printf_sink *s, struct printf_spec *spec, struct printf_arguments *a, char conversion);
#endif
