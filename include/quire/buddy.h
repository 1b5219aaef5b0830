/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator: blocks of 2^order frames, aligned to their size. Its lists live in the words of
 * the free frames, so it never touches free memory.
 *
 * There can be several instances: tests make one of eight frames.
 */
#pragma once

#include <quire/memdesc.h>
#include <quire/spinlock.h>

#define BUDDY_MAX_ORDER 18 /* 1 GiB */
#define BUDDY_NR_ORDERS (BUDDY_MAX_ORDER + 1)

struct buddy {
    spinlock_t lock;
    memdesc_t *words; /* words[pfn], biased by first like memory.words */
    pfn_t first, end;
    u64 nr_free; /* frames */
    u64 free_blocks[BUDDY_NR_ORDERS];
    pfn_t head[BUDDY_NR_ORDERS]; /* first block of each order; all 27 bits set: none */
};

extern struct buddy buddy; /* the machine's */

void buddy_init(struct buddy *b, memdesc_t *words, pfn_t first, pfn_t end);

/*
 * Take a block of 2^order frames. Its words still say "free, inside a block": the caller gives each its
 * new meaning before anyone can look for it. PFN_NONE: no block that large is free, or order is too large.
 */
pfn_t buddy_alloc(struct buddy *b, unsigned order);

/*
 * Give a block back and join it with its free buddies. Rewrites every word of it. The caller must own
 * every frame of the block; giving a free block back panics in debug builds.
 */
void buddy_free(struct buddy *b, pfn_t pfn, unsigned order);

/* The same for nr frames whose words say BUDDY already (mm/frames/frame_cache.c). */
void buddy_free_cached(struct buddy *b, pfn_t pfn, u64 nr);

/* Boot only: [pfn, pfn + nr) becomes free for the first time. */
void buddy_add_range(struct buddy *b, pfn_t pfn, u64 nr);

/* Give [pfn, pfn + nr) back in the largest aligned blocks. */
void buddy_free_range(struct buddy *b, pfn_t pfn, u64 nr);

/* Take one given frame out of the free ones (it was poisoned); false: it isn't free. */
bool buddy_take_frame(struct buddy *b, pfn_t pfn);

/* Whether pfn lies in a free block; then *head and *order name the block. Lock held, or nobody changes the buddy. */
bool buddy_find_block(const struct buddy *b, pfn_t pfn, pfn_t *head, unsigned *order);

/* How many frames the word of a free frame stands for: its block's if it is the head, else 1. */
u64 buddy_block_frames(memdesc_t word);

/* Frames for the kernel from the machine's buddy: all words become `word`. PFN_NONE: no memory. */
pfn_t frames_alloc(unsigned order, memdesc_t word);
void frames_free(pfn_t pfn, unsigned order);
