/* SPDX-License-Identifier: MIT */
/*
 * Memory objects: what areas map. Three kinds:
 *
 *   backed     holds folios by index in a radix tree: the boot archive, shared memory
 *   anonymous  holds none; it owns private pages only so that they can be found (a folio's owner), and
 *              is shared by parent and child after fork
 *   device     holds none either: its pages are device registers at consecutive physical addresses
 *
 * All kinds list the areas that map them: this list, with a folio's owner and index, is the reverse map.
 * Lock: obj->lock (sleeping), after mm.areas, before the folio's.
 */
#pragma once

#include <quire/folio.h>
#include <quire/sync.h>

struct pager;
struct quota;

struct radix_tree {
    void *root;
    unsigned height; /* levels of 64; 0: empty */
    struct quota *quota; /* the account that pays for the nodes; NULL: none */
};
/* Set or replace the value at index; NULL removes it. -ENOMEM: nothing changed. */
int radix_set(struct radix_tree *tree, u64 index, void *value);
void *radix_get(const struct radix_tree *tree, u64 index);
/* The first index at or above `index` that has a value, which is put into *value; ~0UL: none. */
u64 radix_next(const struct radix_tree *tree, u64 index, void **value);
void *const *radix_slots(const struct radix_tree *tree, u64 index); /* from index to its leaf's end; NULL: no leaf */
void radix_destroy(struct radix_tree *tree); /* frees the nodes, not the values */

#define MEMOBJ_SLOTS 64UL /* pages in a leaf of the tree */

enum memobj_kind { MEMOBJ_ANON, MEMOBJ_BACKED, MEMOBJ_DEVICE };

struct memobj {
    u32 refs; /* areas, handles, and for an anonymous object each folio that it owns */
    enum memobj_kind kind;
    bool large;   /* new folios are as large as a block, where one fits */
    u64 nr_pages; /* size, but not of an anonymous one; a backed one's changes under the lock. A folio may reach over
                     the end: nobody uses the pages there */
    struct mutex lock;
    struct list areas; /* struct vma by obj_link or anon_link */
    struct radix_tree folios;
    struct pager *pager; /* supplies the pages that the object doesn't have; NULL: they are zeros. Set by its maker */
    pfn_t first_pfn; /* device: page 0 */
    struct quota *quota;
};

struct memobj *memobj_create(enum memobj_kind kind, u64 nr_pages, struct quota *quota); /* NULL: no memory */
static inline void memobj_get(struct memobj *obj) { __atomic_fetch_add(&obj->refs, 1, __ATOMIC_RELAXED); }
bool memobj_try_get(struct memobj *obj); /* false: its last reference is gone */
void memobj_put_many(struct memobj *obj, u32 nr); /* NULL: nothing */
static inline void memobj_put(struct memobj *obj) { memobj_put_many(obj, 1); }

/* Hand a folio over: its frames become pages index, index + 1, ...; the object takes the reference.
 * -ENOMEM, -EEXIST, -EINVAL (outside the object): nothing changed. */
int memobj_add_folio(struct memobj *obj, u64 index, struct folio *folio);
/*
 * The folio that holds page `index`, with a reference. Makes a zeroed folio if there is none yet; it has the default
 * size if the aligned block is inside the object and empty. NULL: no memory, or index outside the object, or a pager
 * has to supply the page.
 */
struct folio *memobj_folio(struct memobj *obj, u64 index);
/*
 * A page in no object yet, for memobj_add_folio(): one frame, charged to the object's account, with a reference. NULL:
 * no memory. flags: FOLIO_ZERO.
 */
struct folio *memobj_make_page(struct memobj *obj, unsigned flags);
/* memobj_folio(), but makes no folio; NULL: there is none. */
struct folio *memobj_find(struct memobj *obj, u64 index);
/* The first page at or above index that the object has a folio for; ~0UL: none. */
u64 memobj_next(struct memobj *obj, u64 index);

/*
 * Changes the size of a backed object. Pages behind the new end are unmapped everywhere and given back; private copies
 * of them stay with whoever has made them. New pages read as zeros. May be preempted; no locks held. mm/spaces/resize.c
 */
void memobj_resize(struct memobj *obj, u64 nr_pages);

/* memobj_folio() with obj->lock held, for a page inside the object. No reference is taken: the object's own keeps the
 * folio as long as the lock is held. */
struct folio *memobj_folio_locked(struct memobj *obj, u64 index);
/*
 * The slots of pages index, index + 1, ... up to the next multiple of 64. The object has a folio for at least one page
 * of these aligned 64.
 */
struct folio *const *memobj_slots(const struct memobj *obj, u64 index);

/*
 * The folio's owner, with a reference. NULL: no owner, or another CPU is just removing the owner's last area. The
 * caller holds a reference to the folio.
 */
struct memobj *folio_owner_get(struct folio *folio);
