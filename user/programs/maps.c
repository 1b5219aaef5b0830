/* SPDX-License-Identifier: MIT */
/*
 * The areas of a process and how each is mapped. A batch is a run of entries that show consecutive
 * frames of one folio: the larger the batches, the fewer calls of set_ptes were needed. The last column
 * counts them by the size of their folio.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("[ID]", "areas of a process and how they are mapped");

static const char *kind_of(const struct quire_area *a)
{
    if (a->flags & QUIRE_AREA_HOLE)
        return "hole";
    if (a->flags & QUIRE_AREA_STACK)
        return "stack";
    if (a->flags & QUIRE_AREA_SHARED)
        return "shared";
    if (a->flags & QUIRE_AREA_OBJECT)
        return "program";
    return "memory";
}

static void print_folios(const struct quire_area *a)
{
    for (int order = 0; order < QUIRE_NR_ORDERS; order++) {
        uint64_t kib = 4ul << order;
        if (a->folios[order])
            printf("  %lu%s x %lu", kib < 1024 ? kib : kib / 1024, kib < 1024 ? "K" : "M",
                   a->folios[order]);
    }
    if (a->zero_entries)
        printf("  zero x %lu", a->zero_entries);
    if (a->hole_entries)
        printf("  hole x %lu", a->hole_entries);
    if (a->block_entries)
        printf("  in blocks x %lu", a->block_entries);
    if (a->contiguous_entries)
        printf("  contiguous x %lu", a->contiguous_entries);
    if (a->broken_entries)
        printf("  broken x %lu", a->broken_entries);
    putchar('\n');
}

static void print_area(const struct quire_area *a)
{
    printf("%12lx-%-12lx %c%c%c %-8s %'8lu %'8lu %8lu %8lu", a->start, a->end,
           a->prot & PROT_READ ? 'r' : '-', a->prot & PROT_WRITE ? 'w' : '-',
           a->prot & PROT_EXEC ? 'x' : '-', kind_of(a), (a->end - a->start) / 1024, a->mapped,
           a->batches, a->largest_batch);
    print_folios(a);
}

int main(int argc, char **argv)
{
    struct quire_area area;
    long id = argc > 1 ? atoi(argv[1]) : 0, err, i;

    if (argc > 2 || (argc == 2 && !isdigit(argv[1][0])))
        usage();
    for (i = 0; (err = quire_call(area_info, id, i, &area)) == 0; i++) {
        if (i == 0)
            printf("%12s-%-12s %-3s %-8s %8s %8s %8s %8s  folios\n", "start", "end", "", "what",
                   "KiB", "mapped", "batches", "largest");
        print_area(&area);
    }
    if (err == -ESRCH)
        printf("maps: no process has id %ld\n", id);
    return err == -ESRCH;
}
