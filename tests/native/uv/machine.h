/* SPDX-License-Identifier: MIT */
/*
 * A machine for uv/core alone: enforce.c simulates all functions of uv/core/enforce.h, with arrays and marks. It checks
 * that uv/core keeps each contract: locks, the order of hiding and zeroing, which guest is inside at which place.
 */
#pragma once

#include <quire/types.h>
#include <quire/uv.h>
#include "../../../uv/core/enforce.h"

#define FIRST_FRAME 0x100UL
#define FRAMES_MAX  1600UL
#define NR_RESERVED 2UL  /* the last frames: can never be a guest's */
#define NR_FIXED    2UL  /* the frames before those: can't be hidden */
#define TABLE_PAGES 64UL /* pages that one donated frame describes; the first one is the root */
#define NR_PLACES   3u

struct played_guest {
    u64 nr_pages;
    pfn_t given[UV_MAX_DONATED];
    unsigned nr_given, nr_used;
    bool described[FRAMES_MAX / TABLE_PAGES]; /* there is a donated frame for these pages */
    pfn_t frame[FRAMES_MAX];                  /* by page; PFN_NONE */
    u8 access[FRAMES_MAX];
    bool inside;
    unsigned place;
    s64 result; /* of its last call */
    u64 entry, stack, argument, forgotten;
};

struct played {
    u64 nr;                                                         /* frames */
    bool hidden[FRAMES_MAX], lent[FRAMES_MAX], flushed[FRAMES_MAX]; /* flushed: since machine_watch() */
    /* storing: a host CPU stores to frames of the host whenever it can. The frames' first bytes when they were last
     * ... */
    bool storing;
    u64 executed[FRAMES_MAX], measured[FRAMES_MAX]; /* ... given to instruction caches, read by uv/core */
    unsigned place;                                                 /* the place of the host or guest that acts now */
    unsigned held;                                                  /* lock + 1; 0: none */
    struct played_guest guests[UV_MAX_GUESTS];
};
extern struct played played;

void machine_begin(u64 nr_frames); /* power on */
void machine_watch(void);          /* nothing is flushed from now on */
u8 *machine_frame(pfn_t pfn);      /* its contents, hidden or not */
bool machine_fixed(pfn_t pfn);
bool machine_reserved(pfn_t pfn);
static inline pfn_t machine_end(void) { return FIRST_FRAME + played.nr; }
static inline struct played_guest *played_guest(unsigned guest) { return &played.guests[guest - 1]; }
/* Whether enforce_prepare() would find the frames that it needs. */
bool machine_can_prepare(unsigned guest, u64 page, u64 nr);
