/* SPDX-License-Identifier: MIT */
/*
 * Numbers and memory. malloc: blocks with a header of 16 bytes; free ones in lists by power of two, fresh ones
 * cut from regions of 256 KiB; large ones are mapped and unmapped by themselves.
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define REGION (256 * 1024)
#define LARGE (64 * 1024)
#define MIN_BITS 5
#define NR_BINS 12

struct block {
    size_t bytes; /* with header; large: a multiple of the page size */
    struct block *next;
};

static struct block *bins[NR_BINS];
static char *region, *region_end;

static int bin_of(size_t total)
{
    int bin = 0;
    while ((size_t)1 << (bin + MIN_BITS) < total)
        bin++;
    return bin;
}

static void *map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void *malloc(size_t bytes)
{
    size_t total = bytes + sizeof(struct block);
    struct block *b;

    if (total < bytes) {
        errno = ENOMEM;
        return NULL;
    }
    if (total > LARGE) {
        total = (total + 4095) & ~(size_t)4095;
        b = map(total);
    } else {
        int bin = bin_of(total);
        total = (size_t)1 << (bin + MIN_BITS);
        b = bins[bin];
        if (b) {
            bins[bin] = b->next;
        } else {
            if ((size_t)(region_end - region) < total) {
                region = map(REGION);
                region_end = region ? region + REGION : NULL;
            }
            b = (struct block *)region;
            region = region ? region + total : NULL;
        }
    }
    if (!b) {
        errno = ENOMEM;
        return NULL;
    }
    b->bytes = total;
    return b + 1;
}

void free(void *p)
{
    struct block *b = (struct block *)p - 1;

    if (!p)
        return;
    if (b->bytes > LARGE) {
        munmap(b, b->bytes);
        return;
    }
    int bin = bin_of(b->bytes);
    b->next = bins[bin];
    bins[bin] = b;
}

void *calloc(size_t n, size_t bytes)
{
    size_t total;
    void *p = __builtin_mul_overflow(n, bytes, &total) ? NULL : malloc(total);

    if (p)
        memset(p, 0, total);
    else
        errno = ENOMEM;
    return p;
}

void *realloc(void *p, size_t bytes)
{
    if (!p)
        return malloc(bytes);
    size_t have = ((struct block *)p - 1)->bytes - sizeof(struct block);
    if (bytes <= have)
        return p;
    void *fresh = malloc(bytes);
    if (fresh) {
        memcpy(fresh, p, have);
        free(p);
    }
    return fresh;
}

static int digit_of(char c)
{
    return isdigit(c) ? c - '0' : isalpha(c) ? tolower(c) - 'a' + 10 : 99;
}

unsigned long strtoul(const char *text, char **end, int base)
{
    unsigned long value = 0;

    while (isspace(*text))
        text++;
    if ((base == 0 || base == 16) && text[0] == '0' && (text[1] | 32) == 'x') {
        text += 2;
        base = 16;
    } else if (base == 0) {
        base = text[0] == '0' ? 8 : 10;
    }
    for (; digit_of(*text) < base; text++)
        value = value * (unsigned)base + (unsigned)digit_of(*text);
    if (end)
        *end = (char *)text;
    return value;
}

long strtol(const char *text, char **end, int base)
{
    while (isspace(*text))
        text++;
    int negative = *text == '-';
    text += *text == '-' || *text == '+';
    unsigned long value = strtoul(text, end, base);
    return negative ? -(long)value : (long)value;
}

int atoi(const char *text) { return (int)strtol(text, NULL, 10); }

static unsigned long random_state = 1;
void srand(unsigned seed) { random_state = seed * 2654435769ul + 1; }
int rand(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (int)(random_state >> 20 & RAND_MAX);
}
