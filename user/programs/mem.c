/* SPDX-License-Identifier: MIT */
/*
 * Memory by the words of the frames: every frame has one, and its type says what the frame is used for. The sum over
 * the types must be the machine's memory; otherwise the kernel has lost frames.
 */
#include <stdio.h>
#include <string.h>
#include <quire/plural.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("", "memory by type of word, and by order");

static const char *const meaning[QUIRE_NR_TYPES] = {
    "kernel image, firmware, the zero page, reserved",
    "free",
    "folios: memory of processes and guests",
    "the kernel's small objects",
    "page tables",
    "hidden in a folio: a hole",
    "broken memory",
    "donated to the ultravisor",
};

static void print_types(const struct quire_memory *m)
{
    uint64_t sum = 0;

    printf("%-10s %12s %10s\n", "word", "frames", "MiB");
    for (int t = 0; t < QUIRE_NR_TYPES; t++) {
        uint64_t kib = m->type[t] * 4;
        sum += m->type[t];
        if (m->type[t])
            printf("%-10s %'12lu %'8lu.%lu  %s\n", m->type_name[t], m->type[t], kib / 1024,
                   kib % 1024 * 10 / 1024, meaning[t]);
    }
    if (sum == m->frames)
        printf("%-10s %'12lu %'8lu.%lu  all accounted for\n", "all", sum, sum / 256,
               sum % 256 * 10 / 256);
    else
        printf("%-10s %'12lu: the machine has %'lu\n", "all", sum, m->frames);
}

static void print_orders(const struct quire_memory *m)
{
    printf("\n%5s %12s %12s %12s\n", "order", "KiB each", "free blocks", "folios");
    for (int order = 0; order < QUIRE_NR_ORDERS; order++)
        if (m->free_blocks[order] || m->folios[order])
            printf("%5d %'12lu %'12lu %'12lu\n", order, 4ul << order, m->free_blocks[order],
                   m->folios[order]);
}

int main(int argc, char **argv)
{
    struct quire_memory m;

    (void)argv;
    if (argc > 1)
        usage();
    long err = quire_call(memory_info, &m);
    if (err < 0) {
        printf("mem: the kernel doesn't say: %s\n", strerror((int)-err));
        return 1;
    }
    print_types(&m);
    print_orders(&m);
    printf("\nholes: %lu in %lu folio%s; broken frames: %lu; kernel objects: %'lu; CPUs: %lu of %lu "
           "run\n",
           m.holes, m.folios_with_holes, plural(m.folios_with_holes), m.poisoned, m.slab_objects, m.cpus_online,
           m.cpus);
    return 0;
}
