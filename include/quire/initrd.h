/* SPDX-License-Identifier: MIT */
/* The boot archive: a cpio archive in "newc" format (cpio(5)), read in place. */
#pragma once

#include <quire/types.h>
#include <quire/boot_info.h>

#define INITRD_MAX_FILES 1024

struct initrd_file {
    const char *name; /* without leading "/" or "./" */
    const u8 *data;
    u64 size;
    u32 mode;
};

struct initrd {
    struct initrd_file files[INITRD_MAX_FILES];
    unsigned nr_files;
};

/* Read an archive. NULL: fine; else a sentence on what is wrong, and the files read so far stay. */
const char *initrd_read(struct initrd *initrd, const void *archive, u64 size);

/* The machine's own. */
const char *initrd_init(const void *archive, u64 size);
const struct initrd_file *initrd_find(const char *path); /* NULL: not there */
const struct initrd_file *initrd_file(unsigned index);   /* NULL: past the end */
unsigned initrd_index(const struct initrd_file *file);
