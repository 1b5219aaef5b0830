/* SPDX-License-Identifier: MIT */
/*
 * Exact decimal digits of floating-point numbers. Every binary fraction has finitely many decimal digits: m / 2^k is
 * m * 5^k / 10^k. So a number is kept as one large integer, and a place for the point.
 */
#pragma once

#include <float.h>
#include <stdbool.h>
#include <stdint.h>

#define DECIMAL_BASE      1000000000u /* nine digits a word */
/*
 * The smallest number of the widest type takes the most words: log10(5) = 0.7 digits for each of its places behind the
 * binary point, and 128 bits.
 */
#define DECIMAL_MAX_WORDS ((-LDBL_MIN_EXP + LDBL_MANT_DIG + 160) * 7 / 10 / 9 + 16)

/* mantissa * 2^exponent; from binary_from() the highest bit of the mantissa is 1, unless the number is 0. */
struct binary {
    unsigned __int128 mantissa;
    int exponent;
};

/* The number that the digits make, divided by 10^scale. Above the used words there are two zeros. */
struct decimal {
    int nr_words, scale;
    uint32_t word[DECIMAL_MAX_WORDS + 2]; /* least significant first */
};

/* x must be finite and not negative. */
struct binary binary_from(long double x);
/* The number must fit into a long double. */
long double binary_value(struct binary b);
void decimal_from(struct decimal *d, struct binary b);
/* The digit that counts 10^power: 0 to 9. */
int decimal_digit(const struct decimal *d, long power);
/* The power of the first digit that isn't 0; 0 if the number is 0. */
int decimal_first(const struct decimal *d);
/* Rounds so that 10^power is the last digit that counts, half to even. The digits behind it are then meaningless. */
void decimal_round(struct decimal *d, long power);
