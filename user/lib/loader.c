/* SPDX-License-Identifier: MIT */
/*
 * Programs from the boot archive into new processes. What a program only reads or executes is mapped from the archive
 * itself, so all processes that run it share these pages. What it may write is mapped privately: a page is copied when
 * it is written first.
 *
 * Two things aren't in the archive, and are written: the zeros that follow the file's part in the last page of what may be
 * written, and the arguments on the stack. The pages that this takes are charged to the new process.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <quire/elf.h>
#include <quire/loader.h>
#include <quire/program_layout.h>
#include <quire/sys.h>
#include "archive.h"

#define PAGE       4096ul
#define PAGE_UP(x) (((x) + PAGE - 1) & ~(PAGE - 1))

struct loading {
    struct archive_file file;
    struct elf_info elf;
    struct arguments args;
    struct first_stack stack;
    long process; /* its handle */
};

/* --- arguments ------------------------------------------------------------------------- */
/* Copies argv's strings behind each other to text, which has PROGRAM_ARGS_BYTES. 0; -E2BIG. */
static long collect(struct arguments *args, char *const argv[], char *text)
{
    *args = (struct arguments){.text = text};
    for (; argv && argv[args->nr]; args->nr++) {
        size_t bytes = strnlen(argv[args->nr], PROGRAM_ARGS_BYTES) + 1;
        if (args->nr == PROGRAM_MAX_ARGS || bytes > PROGRAM_ARGS_BYTES - args->bytes)
            return -E2BIG;
        memcpy(text + args->bytes, argv[args->nr], bytes);
        args->bytes += bytes;
    }
    return 0;
}

/* --- mapping --------------------------------------------------------------------------- */
static long map(const struct loading *l, uint64_t address, uint64_t bytes, unsigned prot, unsigned flags, long memory,
                uint64_t offset)
{
    struct quire_map m = {address, bytes, prot, flags | MAP_PRIVATE | MAP_FIXED, memory, offset};
    long at = bytes ? quire_call(space_map, l->process, &m) : 0;

    return at < 0 && at > -4096 ? at : 0;
}

static long put(const struct loading *l, uint64_t address, const void *from, uint64_t bytes)
{
    return bytes ? quire_call(space_write, l->process, address, from, bytes) : 0;
}

static long map_segment(const struct loading *l, const struct elf_segment *s)
{
    static const char zeros[PAGE];
    uint64_t in_file = PAGE_UP(s->file_size), end = s->vaddr + s->file_size;
    long err = map(l, s->vaddr, in_file, s->prot, QUIRE_MAP_NOW, QUIRE_ARCHIVE, l->file.offset + s->offset);

    if (!err && s->prot & PROT_WRITE)
        err = put(l, end, zeros, PAGE_UP(end) - end);
    if (!err)
        err = map(l, s->vaddr + in_file, PAGE_UP(s->mem_size) - in_file, s->prot, MAP_ANONYMOUS, -1, 0);
    return err;
}

static long map_stack(const struct loading *l)
{
    long err = map(l, FIRST_STACK_TOP - FIRST_STACK_BYTES, FIRST_STACK_BYTES, PROT_READ | PROT_WRITE,
                   MAP_GROWSDOWN | MAP_ANONYMOUS, -1, 0);

    if (!err)
        err = put(l, l->stack.strings, l->args.text, l->args.bytes);
    if (!err)
        err = put(l, l->stack.argv, l->stack.pointers, (l->args.nr + 1) * sizeof(l->stack.pointers[0]));
    return err;
}

/* --- loading --------------------------------------------------------------------------- */
static long check(struct loading *l, const char *path)
{
    long err = __find_file(path, &l->file);

    if (err)
        return err;
    const char *wrong = l->file.offset % PAGE ? "it doesn't begin on a page of the boot archive"
                                              : elf_check(__file_contents(&l->file), l->file.size,
                                                          l->file.size, PROGRAM_LOW, PROGRAM_HIGH, &l->elf);
    if (wrong)
        fprintf(stderr, "%s can't be started: %s\n", l->file.name, wrong);
    return wrong ? -ENOEXEC : 0;
}

static long fill(const struct loading *l)
{
    long err = 0;

    for (unsigned i = 0; i < l->elf.nr_segments && !err; i++)
        err = map_segment(l, &l->elf.segment[i]);
    return err ? err : map_stack(l);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static long load(struct loading *l, const char *path, unsigned ceiling, struct quire_start *start)
{
    char name[32];
    long err = check(l, path);

    if (err)
        return err;
    strlcpy(name, base_name(path), sizeof(name));
    l->process = quire_call(process_create, name, ceiling);
    if (l->process < 0)
        return l->process;
    first_stack_plan(&l->stack, &l->args);
    err = fill(l);
    if (err) {
        quire_call(close, l->process);
        return err;
    }
    *start = (struct quire_start){l->elf.entry, l->stack.sp, {l->args.nr, l->stack.argv}, QUIRE_SPAWN_HANDLES, 0, {0}, {0}};
    return l->process;
}

long program_load(const char *path, char *const argv[], unsigned ceiling, struct quire_start *start)
{
    struct loading *l = malloc(sizeof(*l) + PROGRAM_ARGS_BYTES);

    if (!l)
        return -ENOMEM;
    long result = collect(&l->args, argv, (char *)(l + 1));
    if (!result)
        result = load(l, path, ceiling, start);
    free(l);
    return result;
}

long guest_load(unsigned long order, const char *path)
{
    struct archive_file file;
    long err = __find_file(path, &file);

    return err ? err : quire_call(guest_create, order, QUIRE_ARCHIVE, file.offset, file.size);
}
