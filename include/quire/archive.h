/* SPDX-License-Identifier: MIT */
/*
 * Reading an archive in cpio's "newc" format (cpio(5)) where it lies in memory. The boot archive is one: the kernel
 * takes the first program from it, and the C library takes everything else. Each file of the boot archive begins on a
 * page, so that programs can be mapped (tools/archive.py). All numbers are checked: a damaged archive gives errors.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct archive {
    const void *data;
    uint64_t size;
};

struct archive_file {
    const char *name; /* without "/" or "./" in front; in the archive's memory, as long as that stays */
    uint64_t offset;  /* of the contents, from the archive's beginning */
    uint64_t size;
    uint32_t mode;
};

/*
 * The next file, from *at on: 0 is the archive's beginning. *at becomes the place behind the file. Folders are left
 * out. Returns NULL and fills *file, whose name is NULL at the archive's end; or a sentence on what is wrong. Any
 * context.
 */
const char *archive_next(const struct archive *archive, uint64_t *at, struct archive_file *file);

/* The path without "/" or "./" in front: as files are named. */
const char *archive_path(const char *path);

/* The file of this name. False: there is none before the archive's end, or before the place where it is damaged. */
bool archive_find(const struct archive *archive, const char *path, struct archive_file *file);

static inline const void *archive_contents(const struct archive *archive, const struct archive_file *file)
{
    return (const unsigned char *)archive->data + file->offset;
}
