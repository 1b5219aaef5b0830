/* SPDX-License-Identifier: MIT */
/* Memory mapping: POSIX names, Linux values. */
#pragma once

#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4

#define MAP_SHARED 0x01
#define MAP_PRIVATE 0x02
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20
#define MAP_GROWSDOWN 0x0100
#define MAP_STACK 0x20000
#define MAP_FIXED_NOREPLACE 0x100000
#define QUIRE_MAP_NOW 0x10000 /* map at once the pages that the memory object has already */
#define MAP_FAILED ((void *)-1)

#define MADV_DONTNEED 4
#define MADV_HUGEPAGE 14
#define MADV_NOHUGEPAGE 15
#define MADV_COLD 20 /* not needed soon: clears the "accessed" bits */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#define MADV_HWPOISON 100 /* break the frames; -EPERM in release builds; -EBUSY: a 64th of memory is broken already */
