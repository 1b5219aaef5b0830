/* SPDX-License-Identifier: MIT */
/*
 * ELF programs. An image is a checked program of the boot archive, with the contents of its segments in memory objects.
 * It is made at the first use and shared by all processes that run it.
 */
#pragma once

#include <quire/memobj.h>
#include <quire/initrd.h>

#define IMAGE_MAX_SEGMENTS 8

struct image_segment {
    vaddr_t start;    /* page-aligned */
    u64 file_pages;   /* pages with contents from the file */
    u64 total_pages;  /* the rest is zero */
    unsigned prot;    /* PROT_* */
    struct memobj *memobj; /* file_pages long; NULL if there are none */
};

struct image {
    const struct initrd_file *file;
    vaddr_t entry, end;
    unsigned users; /* callers of image_get() that haven't called image_put() yet; under the lock of all images */
    unsigned nr_segments;
    struct image_segment segment[IMAGE_MAX_SEGMENTS];
};

/* The parts of an ELF file that matter, checked. */
struct elf_segment {
    u64 vaddr, offset, file_size, mem_size;
    unsigned prot;
};
struct elf_info {
    u64 entry;
    unsigned nr_segments;
    struct elf_segment segment[IMAGE_MAX_SEGMENTS];
};

/*
 * Check `size` bytes of an ELF file for this machine; all segments within [low, high). NULL: fine, *info
 * filled; else a sentence on what is wrong.
 */
const char *elf_check(const void *file, u64 size, vaddr_t low, vaddr_t high, struct elf_info *info);

/*
 * The image of a program, until image_put(). NULL: *err is -ENOENT, -ENOEXEC (and a line on the console says why) or
 * -ENOMEM. May sleep.
 */
struct image *image_get(const char *path, int *err);
void image_put(struct image *image);
/* Map it into an empty address space. -ENOMEM: the caller has nothing to undo but the address space. */
int image_map(struct image *image, struct mm *mm);
void images_release(void); /* drop all cached ones that nobody uses or maps; for leak checks */
