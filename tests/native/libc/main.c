/* SPDX-License-Identifier: MIT */
/* Runs the comparisons of the C library with that of the build machine. Output is KTAP, for tests/runner/native.py. */
#include "compare.h"
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    unsigned long seed, depth;
    const char *pattern, *label;
} options = {1, 0, "*", "native-libc"};

static const struct test {
    const char *name, *file;
    void (*run)(void);
} tests[] = {
    {"printf.random", "printf.c", printf_random},  {"strtol.random", "numbers.c", strtol_random},
    {"strtod.random", "numbers.c", strtod_random}, {"strtod.printed", "numbers.c", strtod_printed},
    {"string.random", "text.c", string_random},    {"sort.random", "text.c", sort_random},
};
#define NR_TESTS (sizeof(tests) / sizeof(tests[0]))

static const struct test *now;
static unsigned number, failed;
static bool is_different;
static uint64_t state;

/* --- random values ------------------------------------------------------------------------------ */
uint64_t random_bits(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dul;
}

unsigned random_below(unsigned n) { return (unsigned)(random_bits() >> 32) % n; }

uint64_t random_number(void)
{
    unsigned length = random_below(65);
    uint64_t value = length ? random_bits() >> (64 - length) : 0;

    return random_below(4) ? value : 0 - value;
}

double random_double(void)
{
    static const double odd[] = {
        0,        0.5,    1,    2.5,  9.5,  99.5, 9.9999995, 0.099999995, 999999.5, 5e-324, 0x1p-1022,
        0x1p53,   0x1p-1, 1e15, 1e16, 1e22, 1e23, 1e-4,      1e-5,        1e-7,     1e300,  0x1.fffffffffffffp1023,
        INFINITY, NAN};
    union {
        uint64_t bits;
        double value;
    } any = {random_bits()};
    double sign = random_below(3) ? 1 : -1;

    switch (random_below(8)) {
    case 0:
        return any.value;
    case 1:
        return sign * odd[random_below(sizeof(odd) / sizeof(odd[0]))];
    case 2:
        return sign * (double)random_number();
    case 3: /* a tie, wherever it is rounded */
        return sign * ((double)random_below(2000) + 0.5) / (double)(1ul << random_below(12));
    case 4:
        return sign * pow(10, (int)random_below(40) - 20);
    case 5:
        return sign * (double)random_below(1000000) / pow(10, random_below(9));
    default:
        return sign * ldexp((double)(random_bits() >> 11), (int)random_below(120) - 112);
    }
}

/* --- tests -------------------------------------------------------------------------------------- */
unsigned long cases(unsigned long nr) { return nr << options.depth; }

void differs(const char *what, const char *expected, const char *seen)
{
    is_different = true;
    failed++;
    printf("not ok %u %s # tests/native/libc/%s\n", number, now->name, now->file);
    printf("  %s\n  expected: %s\n  seen: %s\n", what, expected, seen);
    printf("  rule: both C libraries give the same result wherever the standard says what it is\n");
    printf("  again: make test-native NATIVE=%s TEST=%s SEED=%lu\n", options.label, now->name, options.seed);
}

static void run(const struct test *test)
{
    if (fnmatch(options.pattern, test->name, 0))
        return;
    now = test;
    number++;
    is_different = false;
    state = options.seed * 0x9e3779b97f4a7c15ul + 1;
    test->run();
    if (!is_different)
        printf("ok %u %s # tests/native/libc/%s\n", number, test->name, test->file);
}

int main(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--seed"))
            options.seed = strtoul(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--depth"))
            options.depth = strtoul(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--test"))
            options.pattern = argv[i + 1];
        else if (!strcmp(argv[i], "--label"))
            options.label = argv[i + 1];
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < NR_TESTS; i++)
        run(&tests[i]);
    printf("1..%u\n", number);
    return failed != 0;
}
