/* SPDX-License-Identifier: MIT */
/* Exact decimal digits of floating-point numbers: see decimal.h. */
#include "decimal.h"

static const uint32_t power_of_ten[9] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

/* Every step is exact: a multiplication by a power of two, or taking away the highest bits. */
struct binary binary_from(long double x)
{
    int exponent = -64;

    if (x == 0)
        return (struct binary){0, 0};
    for (; x >= 0x1p64L; exponent += 64)
        x *= 0x1p-64L;
    for (; x < 1; exponent -= 64)
        x *= 0x1p64L;
    for (; x < 0x1p63L; exponent--)
        x *= 2;
    uint64_t high = (uint64_t)x, low = (uint64_t)((x - high) * 0x1p64L);
    return (struct binary){(unsigned __int128)high << 64 | low, exponent};
}

long double binary_value(struct binary b)
{
    long double x = (long double)b.mantissa;

    for (; b.exponent >= 64; b.exponent -= 64)
        x *= 0x1p64L;
    for (; b.exponent <= -64; b.exponent += 64)
        x *= 0x1p-64L;
    for (; b.exponent > 0; b.exponent--)
        x *= 2;
    for (; b.exponent < 0; b.exponent++)
        x /= 2;
    return x;
}

/* d = d * factor + add. Factor: at most 2^32. */
static void multiply_and_add(struct decimal *d, uint64_t factor, uint32_t add)
{
    uint64_t carry = add;

    for (int i = 0; i < d->nr_words; i++) {
        carry += d->word[i] * factor;
        d->word[i] = (uint32_t)(carry % DECIMAL_BASE);
        carry /= DECIMAL_BASE;
    }
    for (; carry; carry /= DECIMAL_BASE)
        d->word[d->nr_words++] = (uint32_t)(carry % DECIMAL_BASE);
}

void decimal_from(struct decimal *d, struct binary b)
{
    d->nr_words = d->scale = 0;
    if (b.mantissa) /* without the low bits that are 0 */
        for (; (uint32_t)b.mantissa == 0; b.exponent += 32)
            b.mantissa >>= 32;
    for (int shift = 96; shift >= 0; shift -= 32)
        multiply_and_add(d, 1ul << 32, (uint32_t)(b.mantissa >> shift));
    for (; b.exponent >= 32; b.exponent -= 32)
        multiply_and_add(d, 1ul << 32, 0);
    if (b.exponent >= 0) {
        multiply_and_add(d, 1ul << b.exponent, 0);
    } else {
        d->scale = -b.exponent;
        int fives = d->scale;
        for (; fives >= 13; fives -= 13)
            multiply_and_add(d, 1220703125, 0); /* 5^13 */
        for (; fives; fives--)
            multiply_and_add(d, 5, 0);
    }
    d->word[d->nr_words] = d->word[d->nr_words + 1] = 0;
}

int decimal_digit(const struct decimal *d, long power)
{
    long at = power + d->scale;

    return at < 0 || at >= 9L * d->nr_words ? 0 : (int)(d->word[at / 9] / power_of_ten[at % 9] % 10);
}

int decimal_first(const struct decimal *d)
{
    int words = d->nr_words;

    while (words && !d->word[words - 1])
        words--;
    int at = 9 * words - 1 - d->scale;
    while (words && !decimal_digit(d, at))
        at--;
    return words ? at : 0;
}

/* Is a digit behind 10^power different from 0? */
static bool more_below(const struct decimal *d, long power)
{
    for (long at = -(long)d->scale; at < power; at++)
        if (decimal_digit(d, at))
            return true;
    return false;
}

void decimal_round(struct decimal *d, long power)
{
    int next = decimal_digit(d, power - 1);

    if (next < 5 || (next == 5 && !(decimal_digit(d, power) & 1) && !more_below(d, power - 1)))
        return;
    long at = power + d->scale, i = at / 9; /* a digit is there below it, so at > 0; at most one word is added */
    d->word[i] += power_of_ten[at % 9];
    for (; d->word[i] >= DECIMAL_BASE; d->word[++i]++)
        d->word[i] -= DECIMAL_BASE;
    if (i >= d->nr_words) {
        d->nr_words = (int)i + 1;
        d->word[i + 1] = 0;
    }
}
