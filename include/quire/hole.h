/* SPDX-License-Identifier: MIT */
/*
 * Holes in folios: a few words of a folio point to a struct insecure_mem instead. A punch is O(nr) stores. The folio
 * keeps its identity, its order and its reference count; nothing is split or joined.
 *
 *   WHOLE --punch(first, nr)--> HOLED(n) --mend(last hole)--> WHOLE
 *
 * A reference to a frame in a hole is a reference to the hole: it delays only the mending of this hole. A hole holds no
 * reference to its folio. A folio with holes whose count reaches 0 is dying, and the last mend frees it. struct
 * insecure_mem is typed memory; it is looked up like a folio.
 *
 * Source: M. Wilcox, linux-mm, 13 July 2023, the "256 MB folio" mail (Message-ID under docs/sources.md).
 */
#pragma once

#include <quire/folio.h>

enum hole_kind {
    HOLE_INSECURE, /* frames of a secure folio that the host may use */
    HOLE_RESERVED, /* frames taken out of use for another reason (tests, labs) */
};

struct insecure_mem {
    u32 refs; /* 1: only the hole itself */
    u32 nr;   /* frames */
    memdesc_t saved;
    pfn_t first; /* frame number */
    struct folio *folio;
    struct list areas; /* the areas that show the hole, through vma->obj_link; under the folio's lock */
    u32 map_count;    /* frame mappings in user page tables, each with a reference */
    u8 kind;
    void *slab_link;
} __aligned(16);

/*
 * Punch a hole of nr frames at `first` (counted from the folio's first frame). The caller holds a reference to the
 * folio. On success *hole is the new hole, with one reference, the caller's; and all mappings of those frames in the
 * host are gone on all CPUs. Errors, which change nothing: -EINVAL: bad range; -EBUSY: a hole is there already;
 * -EHWPOISON: poison is there; -ENOMEM. May sleep.
 */
int folio_punch_hole(struct folio *f, size_t first, size_t nr, enum hole_kind kind, struct insecure_mem **hole);

/*
 * Close the hole: the frames' words point to the folio again, and the struct is freed. Returns 0, or -EBUSY while
 * somebody else holds a reference to the hole (nothing changed). After success the pointer is no longer valid.
 */
int folio_mend_hole(struct insecure_mem *hole);

/* The hole that frame pfn is in, with a reference; NULL: the frame is in no hole. */
struct insecure_mem *pfn_hole_get(pfn_t pfn);
static inline void hole_get(struct insecure_mem *h) { __atomic_fetch_add(&h->refs, 1, __ATOMIC_RELAXED); }
/* Drop references; whoever drops the last one, the hole's own included, closes the hole. */
void hole_put_many(struct insecure_mem *h, u32 nr);
static inline void hole_put(struct insecure_mem *h) { hole_put_many(h, 1); }
static inline int hole_ref_count(const struct insecure_mem *h) { return (int)READ_ONCE(h->refs); }

u64 holes_in_use(void);
