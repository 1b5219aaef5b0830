/* SPDX-License-Identifier: MIT */
/* The parts of a 64-bit ELF file (System V ABI, chapters 4 and 5), in the byte order of the machine. */
#pragma once

#include <stdint.h>

struct elf_header {
    uint8_t magic[4], class, data, version, abi, pad[8];
    uint16_t type, machine;
    uint32_t version2;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct program_header {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct section_header {
    uint32_t name, type; /* name: where it begins in the section of number shstrndx */
    uint64_t flags, addr, offset, size;
    uint32_t link, info;
    uint64_t addralign, entsize;
};
