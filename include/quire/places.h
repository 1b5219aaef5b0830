/* SPDX-License-Identifier: MIT */
/*
 * Where an address of a program's or the kernel's code is: function, file and line. For kernel and C library alike.
 *
 * The build makes a table of each linked program (tools/ksyms.sh, tools/klines.sh). The kernel has its own table in its
 * image; a program's is the section .places of its file in the boot archive, and is never loaded. Release builds have
 * the kernel's names alone.
 *
 * A file may be damaged: places_check() looks at the sizes in the header, and place_of() at every number that it takes
 * from a row. So a wrong table gives wrong names, and never an access outside of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACES_MAGIC 0x51504c31 /* "QPL1" */

/* The table begins with this. All places are bytes from its beginning; its last byte is 0. */
struct places_header {
    uint64_t base; /* the address of the first function; other addresses are bytes from here */
    uint32_t magic, text_bytes;
    uint32_t nr_functions, functions; /* how many, and where: struct function_row in the order of addresses */
    uint32_t nr_lines, lines;         /* struct line_row in the order of addresses */
    uint32_t nr_files, files;         /* for each file, where its name begins in file_names */
    uint32_t function_names, file_names, size, pad;
};

struct function_row {
    uint32_t at, name; /* name: where it begins in function_names */
};

struct line_row { /* from `at` on, code is of this line */
    uint32_t at;
    uint16_t file, line;
};

struct places {
    const unsigned char *data; /* of any alignment */
    struct places_header header;
};

struct place {
    const char *function;
    uint64_t offset;  /* of the address, from the function's first byte */
    const char *file; /* NULL: the line isn't known */
    unsigned line;
};

/* Makes *p the table at `data`, of at most `size` bytes. False: that is no table, or a damaged one. */
bool places_check(struct places *p, const void *data, uint64_t size);
/* Makes *p the table in the section .places of an ELF file. False: there is none, or it is damaged. */
bool places_in_program(struct places *p, const void *file, uint64_t size);
/* The place of an address. False: it lies in no function. */
bool place_of(const struct places *p, uint64_t address, struct place *place);

/* "function+0x12  file.c:34", or "?". is_return: pc is a return address, and the call before it counts. */
void place_text(const struct places *p, uint64_t pc, bool is_return, char *text, size_t size);
