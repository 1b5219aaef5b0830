/* SPDX-License-Identifier: MIT */
/*
 * Blocks in user space: one entry of level 1 that maps what level 1 spans, 2 MiB or 1 MiB, of one folio.
 *
 * Invariants: a block lies within one area; each holds as many mappings and references of its folio as it has frames;
 * and with each goes an empty page table, set aside when it was installed, so that it can always be split into page
 * entries without asking for memory. A block never becomes part of another table's: it is split or cleared.
 * Lock: the table that the block's entry lies in.
 */
#pragma once

#include <quire/pgtable.h>

struct folio;
struct tlb_gather;
struct vma;

#define BLOCK_ORDER ((unsigned)(PT_SHIFT(1) - PT_SHIFT(0)))
#define BLOCK_FRAMES (1UL << BLOCK_ORDER)
#define BLOCK_BYTES (PAGE_SIZE << BLOCK_ORDER)

/* Whether a block may be where addr is: the machine has them, all of it lies in the area. */
bool block_in_area(const struct vma *vma, vaddr_t addr);

/*
 * Map frames [first, first + BLOCK_FRAMES) of the folio around addr with at most `prot`; takes a reference a frame.
 * 0; 1: it can't be one (addresses and frames not aligned alike, the words aren't the folio's, something is mapped
 * there or a table was): map pages; -ENOMEM. areas_lock held, no lock below.
 */
int map_block(struct vma *vma, vaddr_t addr, struct folio *folio, size_t first, unsigned prot);

/* If a block maps addr, its entry; NULL. No lock held: look again under pt_lock(). */
pte_t *block_at(const struct pt_root *root, vaddr_t addr);
/* The block that *entry is, if it still is one, becomes page entries. Takes the lock. Never fails. */
void block_split(struct mm *mm, vaddr_t addr, pte_t *entry);
/* The same for the block around addr, if there is one; nothing if addr is where a block may begin. */
void block_split_inside(struct mm *mm, vaddr_t addr);

/* For unmapping, mprotect, fork: the whole of one block. They take the lock; false: it isn't one any more. */
bool block_clear(struct tlb_gather *g, vaddr_t addr, pte_t *entry);
bool block_protect(struct tlb_gather *g, struct vma *vma, vaddr_t addr, pte_t *entry, unsigned prot);
/* 0, -ENOMEM, 1: it isn't one any more. */
int block_copy(struct tlb_gather *g, struct vma *to, vaddr_t addr, pte_t *entry);

/*
 * A fault in a present block. 0: try again. A write to a private one that isn't ours alone splits it; the fault that
 * follows copies what it needs.
 */
int block_fault(struct vma *vma, vaddr_t addr, unsigned access, pte_t *entry);
