/* SPDX-License-Identifier: MIT */
/*
 * Numbers and memory. malloc: blocks with a header of 16 bytes; free ones in lists by power of two,
 * fresh ones cut from regions of 256 KiB; large ones are mapped and unmapped by themselves. One
 * lock for all threads.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE     4096
#define REGION   (256 * 1024)
#define LARGE    (64 * 1024)
#define MIN_BITS 5
#define NR_BINS  12

struct block {
    size_t bytes; /* with header; large: a multiple of the page size */
    struct block *next;
};

static struct block *bins[NR_BINS];
static char *region, *region_end;
static int heap_lock;

static void lock_heap(void)
{
    while (__atomic_exchange_n(&heap_lock, 1, __ATOMIC_ACQUIRE))
        sched_yield();
}
static void unlock_heap(void) { __atomic_store_n(&heap_lock, 0, __ATOMIC_RELEASE); }

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

/* A block of this bin: a free one, or the next piece of the region. NULL: no memory. */
static struct block *small_block(int bin)
{
    size_t total = (size_t)1 << (bin + MIN_BITS);
    struct block *b;

    lock_heap();
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
    unlock_heap();
    if (b)
        b->bytes = total;
    return b;
}

static struct block *large_block(size_t total)
{
    total = (total + PAGE - 1) & ~(size_t)(PAGE - 1);
    struct block *b = total ? map(total) : NULL;

    if (b)
        b->bytes = total;
    return b;
}

void *malloc(size_t bytes)
{
    size_t total = bytes + sizeof(struct block);
    struct block *b = NULL;

    if (total >= bytes)
        b = total > LARGE ? large_block(total) : small_block(bin_of(total));
    if (!b) {
        errno = ENOMEM;
        return NULL;
    }
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
    lock_heap();
    b->next = bins[bin];
    bins[bin] = b;
    unlock_heap();
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

/*
 * Read the digits at *text in this base (0: by prefix), and move *text behind them. True: the number has more than 64
 * bits.
 */
static bool take_digits(const char **text, int base, unsigned long *value)
{
    const char *p = *text;
    bool overflow = false;

    if ((base == 0 || base == 16) && p[0] == '0' && tolower(p[1]) == 'x' && digit_of(p[2]) < 16) {
        p += 2;
        base = 16;
    } else if (base == 0) {
        base = p[0] == '0' ? 8 : 10;
    }
    *value = 0;
    for (; digit_of(*p) < base; p++) {
        overflow |= __builtin_mul_overflow(*value, (unsigned long)base, value);
        overflow |= __builtin_add_overflow(*value, (unsigned long)digit_of(*p), value);
    }
    *text = p;
    return overflow;
}

/* Sign and digits; *end is text itself if there are none. */
static bool take_number(const char *text, char **end, int base, bool *negative,
                        unsigned long *value)
{
    const char *p = text;

    while (isspace(*p))
        p++;
    *negative = *p == '-';
    p += *p == '-' || *p == '+';
    const char *digits = p;
    bool overflow = take_digits(&p, base, value);
    if (end)
        *end = (char *)(p == digits ? text : p);
    return overflow;
}

unsigned long strtoul(const char *text, char **end, int base)
{
    unsigned long value;
    bool negative;

    if (take_number(text, end, base, &negative, &value)) {
        errno = ERANGE;
        return ULONG_MAX;
    }
    return negative ? -value : value;
}

long strtol(const char *text, char **end, int base)
{
    unsigned long value;
    bool negative, overflow = take_number(text, end, base, &negative, &value);

    if (overflow || value > (unsigned long)LONG_MAX + negative) {
        errno = ERANGE;
        return negative ? LONG_MIN : LONG_MAX;
    }
    return (long)(negative ? -value : value);
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
