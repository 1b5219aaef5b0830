/* SPDX-License-Identifier: MIT */
#pragma once
#include <stddef.h>
#include <sys/types.h>
#include <quire/mman.h>
void *mmap(void *address, size_t bytes, int prot, int flags, int fd, off_t offset);
int munmap(void *address, size_t bytes);
int mprotect(void *address, size_t bytes, int prot);
int madvise(void *address, size_t bytes, int advice);
