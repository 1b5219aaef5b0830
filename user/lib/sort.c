/* SPDX-License-Identifier: MIT */
/* qsort and bsearch. qsort is a heap sort: never slower than n log n, and it needs no memory. */
#include <stdlib.h>

struct array {
    char *base;
    size_t size; /* bytes of an element */
    int (*compare)(const void *, const void *);
};

static char *element(const struct array *a, size_t i) { return a->base + i * a->size; }

static void swap(const struct array *a, size_t i, size_t k)
{
    char *x = element(a, i), *y = element(a, k);

    for (size_t n = a->size; n--; x++, y++) {
        char byte = *x;
        *x = *y;
        *y = byte;
    }
}

/* In the heap of n elements only element i may be smaller than one of its children, 2i + 1 and 2i + 2: let it sink. */
static void sink(const struct array *a, size_t i, size_t n)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && a->compare(element(a, child), element(a, child + 1)) < 0)
            child++;
        if (a->compare(element(a, i), element(a, child)) >= 0)
            return;
        swap(a, i, child);
    }
}

void qsort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *))
{
    struct array a = {base, size, compare};

    for (size_t i = n / 2; i-- > 0;)
        sink(&a, i, n);
    while (n > 1) {
        swap(&a, 0, --n);
        sink(&a, 0, n);
    }
}

void *bsearch(const void *key, const void *base, size_t n, size_t size, int (*compare)(const void *, const void *))
{
    const char *from = base;

    while (n) {
        const char *middle = from + n / 2 * size;
        int order = compare(key, middle);
        if (order == 0)
            return (void *)middle;
        if (order > 0) {
            from = middle + size;
            n--;
        }
        n /= 2;
    }
    return NULL;
}
