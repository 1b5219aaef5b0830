/* SPDX-License-Identifier: MIT */
/* The reverse map: from a folio's frames to every page-table entry that maps them. */
#pragma once

#include <quire/folio.h>
#include <quire/pgtable.h>

struct memobj;
struct vma;
struct insecure_mem;

/*
 * Call fn for each run of nr mapped entries of frames [first, first + nr) of the folio, in every address
 * space, with the page-table lock held. Takes the owner's lock, may be preempted; the caller holds a reference to the
 * folio and no locks. What it finds while others map is told at the head of mm/holes/rmap.c.
 */
typedef void (*rmap_fn)(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr, void *arg);
void rmap_walk(struct folio *folio, size_t first, size_t nr, rmap_fn fn, void *arg);

/* Remove every mapping of those frames and flush; their references are dropped. */
void rmap_unmap_frames(struct folio *folio, size_t first, size_t nr);
/* Remove every mapping of those frames, which are in a hole now, and flush. Private entries keep a mark. */
void rmap_punch_frames(struct folio *folio, size_t first, size_t nr);
/* The same for one broken frame; the entries say so from now on (pte_poisoned). */
void rmap_poison_frame(struct folio *folio, size_t index);
/*
 * And for a frame in a hole, where areas show that. The folio is locked. Returns how many mappings there were: the
 * caller drops their references to the hole.
 */
u32 rmap_poison_in_hole(struct insecure_mem *hole, pfn_t pfn);
