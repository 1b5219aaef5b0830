/* SPDX-License-Identifier: MIT */
/*
 * What memory_init() finds out: RAM, and what is taken of it. For mm/init.c, and for code that takes more before the
 * rest goes to the buddy.
 */
#pragma once

#include <quire/boot_info.h>
#include <quire/memdesc.h>

#define MAX_TAKEN (2 * BOOT_MAX_RANGES)

/* Frames [first, end), and what their words say. */
struct span {
    pfn_t first, end;
    memdesc_t word;
};

/* Both sorted by first frame. */
struct memory_spans {
    struct span ram[BOOT_MAX_RANGES], taken[MAX_TAKEN];
    unsigned nr_ram, nr_taken;
};
extern struct memory_spans spans;

void memory_take(u64 start, u64 size, memdesc_t word); /* in bytes; size 0: takes nothing */
/* Takes the highest free place for nr frames in RAM that the boot mapping shows. Panics if there is none. */
pfn_t memory_place(u64 nr, u64 align_frames, memdesc_t word);
