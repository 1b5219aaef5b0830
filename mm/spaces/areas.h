/* SPDX-License-Identifier: MIT */
/* What the files of mm/spaces/ do with areas for each other. Every caller holds mm->areas_lock for writing. */
#pragma once

#include <quire/space.h>

/* --- area.c: one area -------------------------------------------------------------------------- */
/* A new area [start, end), page-aligned. It is charged, and in no tree yet. `flags`: VMA_*. NULL: no memory. */
struct vma *area_new(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot, unsigned flags);
void area_discard(struct vma *vma); /* frees an area that was never inserted; drops its references to its objects */
/* Puts the area into the tree and into its objects' lists. -EEXIST: an area begins there. */
int area_insert(struct vma *vma);
void area_free(struct vma *vma); /* takes the area out of the tree and the lists; nothing of it is mapped any more */
int area_split(struct vma *vma, vaddr_t at); /* at an address inside it. -ENOMEM: nothing has changed */
void area_grow_down(struct vma *vma, vaddr_t start); /* the area is anonymous, and there is room below it */
void area_grow_up(struct vma *vma, vaddr_t end);     /* over an area of its kind, which the caller frees next */

/* --- mmap.c: the areas of a range; page-aligned ------------------------------------------------- */
int unmap_areas(struct mm *mm, vaddr_t start, size_t len);   /* -ENOMEM: nothing has changed */

/* --- map_now.c ---------------------------------------------------------------------------------- */
/*
 * Maps the pages that the area's object has at this moment. [start, end) lies in the area, and nothing is mapped there.
 */
void map_what_is_there(struct vma *vma, vaddr_t start, vaddr_t end);

/* --- room.c -------------------------------------------------------------------------------------- */
/* Where len bytes may go: at `hint`, if that isn't 0 and has room. 0: there is no room. `flags`: MAP_*. */
vaddr_t choose_address(struct mm *mm, vaddr_t hint, size_t len, unsigned flags);
bool range_is_free(struct mm *mm, vaddr_t addr, size_t len);

/* --- stack.c ------------------------------------------------------------------------------------- */
#define STACK_GUARD_GAP (64 * KiB) /* kept free below each stack */
#define STACK_LIMIT_DEFAULT (8 * MiB)
/* How far down a stack may grow. `vma` is its lowest piece. */
vaddr_t stack_lowest(const struct mm *mm, struct vma *vma);

/* --- entries of a range -------------------------------------------------------------------------- */
/* protect.c. Entries allow at most `prot` afterwards; flushes. */
void protect_range(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot);
/* unmap.c. The end of an address space: areas, frames, tables. */
void unmap_all(struct mm *mm);
