/* SPDX-License-Identifier: MIT */
/*
 * How an address becomes a frame: the walk through the page tables, level by level and in words, then what the frame's
 * word says. The addresses of a process are in `maps`.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <quire/plural.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("[-p ID] ADDRESS", "how an address of a process is translated, level by level");

#define PAGE 4096ul

static void print_step(const struct quire_walk_step *s)
{
    printf("level %lu  table in frame 0x%lx", s->level, s->table / PAGE);
    if (s->table % PAGE) /* small tables share a frame */
        printf(" + 0x%lx", s->table % PAGE);
    printf(", entry %lu: 0x%016lx\n         %s\n", s->index, s->entry, s->text);
}

static void print_folio(const struct quire_walk *w)
{
    printf("folio    frames 0x%lx to 0x%lx: order %lu, %lu KiB; this is its frame %lu\n", w->folio_first,
           w->folio_first + (1ul << w->folio_order) - 1, w->folio_order, 4ul << w->folio_order, w->frame - w->folio_first);
    printf("         %lu reference%s, mapped %lu time%s", w->folio_refs, plural(w->folio_refs), w->folio_mapped,
           plural(w->folio_mapped));
    if (w->folio_holes)
        printf(", %lu hole%s", w->folio_holes, plural(w->folio_holes));
    puts(w->folio_broken ? ", some frames broken" : "");
}

static void print_frame(const struct quire_walk *w, unsigned long address)
{
    printf("frame    0x%lx: physical address 0x%lx%s\n", w->frame, w->frame * PAGE + address % PAGE,
           w->end == QUIRE_WALK_CLOSED ? ", but no access is allowed" : "");
    if (w->reach > 1)
        printf("         one TLB entry may translate %lu frames, %lu KiB\n", w->reach, w->reach * 4);
    printf("word     0x%016lx: %s%s%s\n", w->word, w->type, w->kind[0] ? ", " : "", w->kind);
    if (w->folio_refs)
        print_folio(w);
    if (w->hole_nr)
        printf("hole     frames 0x%lx to 0x%lx: %lu reference%s, mapped %lu time%s\n", w->hole_first,
               w->hole_first + w->hole_nr - 1, w->hole_refs, plural(w->hole_refs), w->hole_mapped,
               plural(w->hole_mapped));
}

static int dump(long id, unsigned long address)
{
    struct quire_walk w;
    long err = quire_call(walk_info, id, address, &w);

    if (err == -ESRCH) {
        printf("ptdump: no process has id %ld\n", id);
        return 1;
    }
    if (err == -EFAULT) {
        printf("ptdump: 0x%lx isn't in user space\n", address);
        return 1;
    }
    if (err) {
        printf("ptdump: %s\n", strerror((int)-err));
        return 1;
    }
    if (w.area_end)
        printf("area     0x%lx to 0x%lx\n", w.area_start, w.area_end);
    else
        printf("area     none: an access is an error\n");
    for (unsigned i = 0; i < w.steps; i++)
        print_step(&w.step[i]);
    if (w.end >= QUIRE_WALK_CLOSED)
        print_frame(&w, address);
    else if (w.end == QUIRE_WALK_BROKEN)
        printf("no frame: the one that was here broke; an access is a bus error\n");
    else
        printf("no frame: %s\n", w.area_end ? "the first access brings one in" : "nothing is mapped here");
    return 0;
}

static int is_number(const char *text, int base)
{
    char *end;

    errno = 0;
    strtoul(text, &end, base);
    return isxdigit((unsigned char)text[0]) && *end == 0 && errno == 0;
}

int main(int argc, char **argv)
{
    long id = 0;

    if (argc == 4 && strcmp(argv[1], "-p") == 0 && is_number(argv[2], 10)) {
        id = atoi(argv[2]);
        argv += 2;
        argc -= 2;
    }
    if (argc != 2)
        usage();
    if (!is_number(argv[1], 16)) {
        printf("ptdump: \"%s\" is no address; addresses are hexadecimal, 200000 or 0x200000\n", argv[1]);
        return 2;
    }
    return dump(id, strtoul(argv[1], NULL, 16));
}
