/* SPDX-License-Identifier: MIT */
/*
 * Blocks in user space: one entry of level 1 that maps what an entry of level 1 spans, 2 MiB or 1 MiB, of one folio.
 *
 * Invariants: A block lies within one area. It holds as many mappings and references of its folio as it has frames.
 * With each block goes an empty page table, which is set aside when the block is installed: so the block can always be
 * split into page entries without new memory. A block's entry never moves to another table: the block is split or
 * cleared.
 *
 * Lock: that of the table that the block's entry lies in.
 */
#pragma once

#include <quire/pgtable.h>

struct folio;
struct tlb_gather;
struct vma;

#define BLOCK_ORDER ((unsigned)(PT_SHIFT(1) - PT_SHIFT(0)))
#define BLOCK_FRAMES (1UL << BLOCK_ORDER)
#define BLOCK_BYTES (PAGE_SIZE << BLOCK_ORDER)

/* Whether a block may be where addr is: the machine has blocks, and all of this one lies in the area. */
bool block_in_area(const struct vma *vma, vaddr_t addr);

/*
 * Maps frames [first, first + BLOCK_FRAMES) of the folio around addr with at most `prot`, and takes a reference for
 * each frame. Returns 0, -ENOMEM, or 1: no block is possible, so map pages. That is so if addresses and frames aren't
 * aligned alike, if a word isn't the folio's, or if a mapping or a table is there. areas_lock held, no lock below.
 */
int map_block(struct vma *vma, vaddr_t addr, struct folio *folio, size_t first, unsigned prot);

/* The entry of the block that maps addr; NULL: no block does. No lock is held: look again under pt_lock(). */
pte_t *block_at(const struct pt_root *root, vaddr_t addr);
/* If *entry still is a block, it becomes a table of page entries. Takes the lock. Never fails. */
void block_split(struct mm *mm, vaddr_t addr, pte_t *entry);
/* The same for the block around addr, if there is one. Does nothing if addr is an address where a block may begin. */
void block_split_inside(struct mm *mm, vaddr_t addr);

/* For unmapping, mprotect and fork of one whole block. They take the lock. False: it isn't a block any more. */
bool block_clear(struct tlb_gather *g, vaddr_t addr, pte_t *entry);
bool block_protect(struct tlb_gather *g, struct vma *vma, vaddr_t addr, pte_t *entry, unsigned prot);
/* 0; -ENOMEM; 1: it isn't a block any more. */
int block_copy(struct tlb_gather *g, struct vma *to, vaddr_t addr, pte_t *entry);

/*
 * A fault in a present block. 0: try again. A write to a private block that others share splits it; the next fault then
 * copies what it needs.
 */
int block_fault(struct vma *vma, vaddr_t addr, unsigned access, pte_t *entry);
