/* SPDX-License-Identifier: MIT */
/*
 * malloc: blocks with a header of 16 bytes; free ones in lists by power of two,
 * fresh ones cut from regions of 256 KiB; large ones are mapped and unmapped by themselves. One
 * lock for all threads.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "lock.h"

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

void __lock_heap(void) { lock(&heap_lock); }
void __unlock_heap(int in_child) { unlock_after_fork(&heap_lock, in_child); }

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

    lock(&heap_lock);
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
    unlock(&heap_lock);
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
    lock(&heap_lock);
    b->next = bins[bin];
    bins[bin] = b;
    unlock(&heap_lock);
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
