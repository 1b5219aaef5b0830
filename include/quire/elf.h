/* SPDX-License-Identifier: MIT */
/* Programs as ELF files: the check that comes before anything is done for them, in the kernel and in the C library. */
#pragma once

#include <stdint.h>

#define ELF_MAX_SEGMENTS 8

/* The parts of an ELF file that matter, checked. */
struct elf_segment {
    uint64_t vaddr; /* on a page */
    uint64_t offset; /* in the file; on a page of it, if file_size isn't 0 */
    uint64_t file_size, mem_size; /* the rest of mem_size is zeros; only what may be written has such a rest */
    unsigned prot; /* PROT_* */
};
struct elf_info {
    uint64_t entry;
    unsigned nr_segments;
    struct elf_segment segment[ELF_MAX_SEGMENTS];
};

/*
 * Checks an ELF file of `size` bytes for this machine: all its segments lie in [low, high). Only its first head_bytes
 * are there to be read, and they may change meanwhile: what is in *info was checked. Returns NULL and fills *info; or a
 * sentence on what is wrong. Any context.
 */
const char *elf_check(const void *head, uint64_t head_bytes, uint64_t size, uint64_t low, uint64_t high,
                      struct elf_info *info);
