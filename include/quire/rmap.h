/* SPDX-License-Identifier: MIT */
/* The reverse map: from a folio's frames to every page-table entry that maps them. */
#pragma once

#include <quire/folio.h>
#include <quire/pgtable.h>

struct memobj;
struct vma;
struct insecure_mem;

/*
 * Finds the entries that map frames [first, first + nr) of the folio, in every address space. Calls fn for each run of
 * them, with the page-table lock held. Takes the owner's lock; may be preempted. The caller holds a reference to the
 * folio and no locks. The head of mm/holes/rmap.c says what the walk finds while others map.
 */
typedef void (*rmap_fn)(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr, void *arg);
void rmap_walk(struct folio *folio, size_t first, size_t nr, rmap_fn fn, void *arg);

/* Remove every mapping of those frames and flush; the mappings' references are dropped. */
void rmap_unmap_frames(struct folio *folio, size_t first, size_t nr);
/* The same for a caller that holds the lock of the folio's owner, and one reference to the folio at least. */
void rmap_unmap_locked(struct memobj *owner, struct folio *folio, size_t first, size_t nr);
/* Remove every mapping of those frames, which are in a hole now, and flush. Entries of private pages become marks. */
void rmap_punch_frames(struct folio *folio, size_t first, size_t nr);
/* Remove every mapping of one broken frame, and flush. The entries then say that it is broken (pte_poisoned). */
void rmap_poison_frame(struct folio *folio, size_t index);
/*
 * The same for a broken frame in a hole, in the areas that show the hole. The folio is locked. Returns how many
 * mappings there were: the caller drops their references to the hole.
 */
u32 rmap_poison_in_hole(struct insecure_mem *hole, pfn_t pfn);
