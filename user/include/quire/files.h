/* SPDX-License-Identifier: MIT */
/* The files that there are, one by one. POSIX's functions on files are in <fcntl.h>, <unistd.h> and <sys/stat.h>. */
#pragma once

#include <stdint.h>

#define FILE_NAME_MAX 64

struct listed_file {
    char name[FILE_NAME_MAX]; /* with its folders, and without "/" in front; a longer one is cut */
    uint64_t offset, size;    /* of its contents, in the memory object QUIRE_ARCHIVE */
    uint32_t mode;
};

/*
 * The file of this index, or of this name. 0; -ENOENT: there is none; -EIO: the archive is damaged before the index;
 * -EBADF, -EACCES: this program has no right to the archive; -ENOMEM.
 */
long list_file(long index, struct listed_file *file);
long find_file(const char *path, struct listed_file *file);
