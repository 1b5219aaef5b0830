/* SPDX-License-Identifier: MIT */
/* The boot archive, for the library. */
#pragma once

#include <quire/archive.h>

/*
 * Finds a file. 0; -ENOENT; -ENAMETOOLONG; -EBADF, -EACCES: this program has no right to the archive; -ENOMEM. The first call maps the
 * archive.
 */
long __find_file(const char *path, struct archive_file *file);
/* The contents of a file that was found: in the mapped archive, which stays. */
const void *__file_contents(const struct archive_file *file);

/* Whether the error of an mmap means that this descriptor isn't one of memory. */
int __not_mappable(int fd, long error);

/* fork() holds these locks: see lock.h. */
void __lock_archive(void);
void __unlock_archive(int in_child);
void __lock_files(void);
void __unlock_files(int in_child);
