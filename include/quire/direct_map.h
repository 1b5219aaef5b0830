/* SPDX-License-Identifier: MIT */
/*
 * The direct map: all of RAM at DIRECT_MAP_BASE, in blocks where the machine has them. Frames of secure folios are
 * absent from it, unless they are in a hole (mm/tables/direct_map.c).
 */
#pragma once

#include <quire/address.h>

/* How a range is mapped there, for people and tests. */
struct direct_map_cover {
    u64 block_frames; /* frames under block entries */
    u64 page_frames;  /* frames with an entry of their own */
    u64 absent;       /* frames without one */
    u64 tables;       /* level-0 tables in the range */
};
struct direct_map_cover direct_map_cover(pfn_t first, u64 nr);

/*
 * Prepare [first, first + nr) for being taken out: blocks that it covers whole become tables. May be
 * called again for prepared ranges. -ENOMEM: nothing changed that anyone could see. -EINVAL: the range
 * isn't made of whole blocks on a machine that has blocks.
 */
int direct_map_prepare(pfn_t first, u64 nr);
/* Take frames out (present = false) or put them back. The range is prepared. Flushes on all CPUs. */
void direct_map_set(pfn_t first, u64 nr, bool present);
/* All frames are present again: give the tables back and restore the blocks. */
void direct_map_restore(pfn_t first, u64 nr);
bool direct_map_present(pfn_t pfn);
