/* SPDX-License-Identifier: MIT */
/*
 * Folios: 2^order frames that belong together. They have one struct, and all their words have one value.
 *
 * The reference count says how many users the frames have. map_count counts frame mappings in user page tables. Each
 * mapping holds a reference, so map_count <= refs, except while the folio is frozen: then the count is 0. A count of 0
 * means that nobody can find the folio:
 *
 *   0, being made     from folio_make() to folio_publish(): only its maker knows it, and fills it in by plain stores
 *   0, frozen         from folio_ref_freeze() to folio_ref_unfreeze(): only whoever froze it changes it. Nobody maps
 *                     it, with one exception: mm/parts/folio_trim.c freezes mapped folios and sets FOLIO_F_CUTTING
 *   0, being freed    the last reference has gone; its words are about to say BUDDY
 *   0, FOLIO_F_DYING  the last reference has gone, but holes keep the frames; closing the last hole frees it
 *   1 or more         published: its counts change by atomic operations only; its words, flags and owner change under
 *                     its lock
 *
 * The first three states end soon: whoever meets one may look again. A folio is dying for as long as a hole is open.
 *
 * struct folio is typed memory: a stale pointer finds a folio, perhaps another one. A look-up therefore reads the word,
 * takes a reference only if the count isn't 0, and reads the word again.
 *
 * The words of a published folio change only under its lock.
 */
#pragma once

#include <quire/list.h>
#include <quire/memdesc.h>
#include <quire/plural.h>
#include <quire/refs.h>
#include <quire/spinlock.h>
#include <quire/direct_map.h>

struct memobj;
struct quota;

#define FOLIO_DEFAULT_ORDER 4 /* 64 KiB: the size of folios where nobody asks for another one */
#define FOLIO_ZERO (1u << 0) /* folio_alloc: contents all zero */

/* folio->flags */
#define FOLIO_F_POISON (1u << 1) /* the words of some frames point to a struct hwpoison */
#define FOLIO_F_DYING (1u << 2)  /* the count is 0, but holes keep the frames */
#define FOLIO_F_SECURE (1u << 3) /* frames are out of the direct map unless their word is HOLE */
#define FOLIO_F_PARTIAL (1u << 4) /* in a list of partly mapped folios, under its lock: mm/folios/partial.c */
#define FOLIO_F_CUTTING (1u << 5) /* frozen for a moment although it is mapped: a look-up has to try again */

struct folio {
    union {
        struct {
            u32 refs;
            u32 map_count;
        };
        u64 counts; /* both at once */
    };
    pfn_t pfn; /* first frame */
    u8 order;
    u8 reserved[3];
    u32 flags;
    union {
        struct {
            spinlock_t lock; /* of words, flags, holes, clean */
            u32 nr_holes;
        };
        u64 lock_and_holes; /* 0: not locked, and no holes */
    };
    struct memobj *owner; /* lists the areas that may map the folio (mm/holes/rmap.c) */
    u64 index;            /* of the first frame in the owner, in frames */
    u64 clean;            /* bit i: the i-th 64th has had its cache maintenance after the last store to it */
    u64 gen;              /* code generation of its last maintenance */
    struct quota *quota;  /* the frames are charged to it */
    struct list partial_link; /* FOLIO_F_PARTIAL */
    void *slab_link;
} __aligned(16);

_Static_assert(sizeof(struct folio) <= 128, "a folio's descriptor stays small");

/*
 * A new folio: its reference count is 1, its words are written, its contents are undefined unless FOLIO_ZERO. NULL: no
 * memory (nothing changed). `order` is at most BUDDY_MAX_ORDER. Needs no lock; the caller may hold mm.areas and memobj
 * locks, and none below them.
 */
struct folio *folio_alloc(unsigned order, unsigned flags);

/*
 * The same with reference count 0: nobody finds the folio before folio_publish(). The maker sets owner, quota and index
 * first, and doesn't sleep in between, because memory_failure() waits for it. A folio that isn't needed after all goes
 * to folio_free().
 */
struct folio *folio_make(unsigned order, unsigned flags);

/*
 * A folio of frames that belong to nobody else and are in no use, with a reference: their words become the folio's.
 * NULL: no memory. The first frame's number is a multiple of 2^order. The contents stay.
 */
struct folio *folio_of_frames(pfn_t pfn, unsigned order);

void folio_free(struct folio *folio); /* internal: the count is 0, and there are no holes */
void folio_release(struct folio *folio);

static inline void folio_get(struct folio *f) { __atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED); }
static inline void folio_get_many(struct folio *f, u32 nr) { __atomic_fetch_add(&f->refs, nr, __ATOMIC_RELAXED); }
static inline void folio_put_many(struct folio *f, u32 nr)
{
    if (refs_put(&f->refs, nr, "folio", f))
        folio_release(f);
}
/* Drop a reference; the last one frees the folio, or if it has holes, their closing does. The folio lock isn't held. */
static inline void folio_put(struct folio *f) { folio_put_many(f, 1); }

/* Take a reference unless the count is 0. */
static inline bool folio_try_get(struct folio *f) { return refs_get_unless_zero(&f->refs); }

struct folio *pfn_folio_get_slow(pfn_t pfn); /* internal */
/*
 * The folio that frame pfn belongs to, with a reference; NULL: none (free, hole, poison, dying, ...). It reads the
 * word, takes the reference, and reads the word again: in between, the folio may have been freed, and its descriptor
 * may have become another folio's.
 */
static inline struct folio *pfn_folio_get(pfn_t pfn)
{
    memdesc_t word = memdesc_read(pfn);

    if (memdesc_type(word) != MEMDESC_FOLIO)
        return NULL;
    struct folio *f = memdesc_pointer(word);
    if (unlikely(!folio_try_get(f)))
        return pfn_folio_get_slow(pfn);
    if (likely(READ_ONCE(memory.words[pfn]) == word)) /* this read comes after the count's, which was an acquire */
        return f;
    folio_put(f);
    return pfn_folio_get_slow(pfn);
}

/* Set the count to 0, so that nobody can find the folio, if there are just the caller's `expected` references. */
static inline bool folio_ref_freeze(struct folio *f, int expected)
{
    u32 refs = (u32)expected;
    return __atomic_compare_exchange_n(&f->refs, &refs, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
static inline void folio_ref_unfreeze(struct folio *f, int refs)
{
    __atomic_store_n(&f->refs, (u32)refs, __ATOMIC_RELEASE);
}

static inline unsigned folio_order(const struct folio *f) { return f->order; }
static inline size_t folio_nr_pages(const struct folio *f) { return 1UL << f->order; }
static inline size_t folio_size(const struct folio *f) { return PAGE_SIZE << f->order; }
static inline pfn_t folio_pfn(const struct folio *f) { return f->pfn; }
static inline int folio_ref_count(const struct folio *f) { return (int)__atomic_load_n(&f->refs, __ATOMIC_RELAXED); }
static inline int folio_map_count(const struct folio *f)
{
    return (int)__atomic_load_n(&f->map_count, __ATOMIC_RELAXED);
}
static inline void *folio_address(const struct folio *f) { return pfn_address(f->pfn); }
static inline memdesc_t folio_word(const struct folio *f) { return memdesc_make(MEMDESC_FOLIO, f); }
static inline bool folio_contains(const struct folio *f, pfn_t pfn) { return pfn - f->pfn < folio_nr_pages(f); }

/* Flags change under the folio's lock, but FOLIO_F_PARTIAL under another one: so each change is atomic. */
static inline void folio_set_flags(struct folio *f, u32 flags) { __atomic_fetch_or(&f->flags, flags, __ATOMIC_RELAXED); }
static inline void folio_clear_flags(struct folio *f, u32 flags) { __atomic_fetch_and(&f->flags, ~flags, __ATOMIC_RELAXED); }

bool folio_has_hole(const struct folio *f);
bool folio_has_poison(const struct folio *f);
/*
 * Whether all of the folio's words are its own, so that every frame can be mapped. The folio can't be split meanwhile.
 * Whoever maps asks under the table's lock, instead of reading the words: who punches or poisons sets what is read here
 * before it looks through the tables (mm/holes/rmap.c).
 */
static inline bool folio_is_whole(const struct folio *f)
{
    return !READ_ONCE(f->nr_holes) && !(READ_ONCE(f->flags) & FOLIO_F_POISON);
}

/* nr frame mappings were made or removed; the caller takes or drops their references. */
static inline void folio_add_mappings(struct folio *f, u32 nr) { __atomic_fetch_add(&f->map_count, nr, __ATOMIC_RELAXED); }
static inline void folio_remove_mappings(struct folio *f, u32 nr)
{
    __atomic_fetch_sub(&f->map_count, nr, __ATOMIC_RELAXED);
}

/*
 * Counts nr mappings and their references in one step: both halves of `counts` change by nr. Neither half carries into
 * the other, because the caller has a reference, or because the mappings that are removed were counted.
 */
#define FOLIO_MAPPING (1UL << 32 | 1)
#define FOLIO_REFERENCE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 1UL : 1UL << 32) /* only a reference */
static inline void folio_get_mapped(struct folio *f, u32 nr)
{
    __atomic_fetch_add(&f->counts, nr * FOLIO_MAPPING, __ATOMIC_RELAXED);
}
/* The references in this value of `counts`. */
static inline u32 folio_counts_refs(u64 counts)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? (u32)counts : (u32)(counts >> 32);
}
static inline void folio_put_mapped(struct folio *f, u32 nr)
{
    u64 left = __atomic_sub_fetch(&f->counts, nr * FOLIO_MAPPING, __ATOMIC_ACQ_REL);

    DEBUG_ASSERT(folio_counts_refs(left) + nr >= nr,
                 "folio at frame 0x%lx loses %u mapping%s, and has only %u reference%s. "
                 "likely: an entry was counted twice when it was removed, or a reference was put twice",
                 f->pfn, nr, plural(nr), folio_counts_refs(left) + nr, plural(folio_counts_refs(left) + nr));
    if (folio_counts_refs(left) == 0)
        folio_release(f);
}

/*
 * A folio that was being made can be found from now on. `counts`: a sum of FOLIO_MAPPINGs and FOLIO_REFERENCEs.
 */
static inline void folio_publish(struct folio *f, u64 counts) { __atomic_store_n(&f->counts, counts, __ATOMIC_RELEASE); }

/*
 * Mappings and other references that a TLB gather drops at its end: folio_put_mapped() and folio_put() for many folios
 * in one call. No page-table lock is held: freeing a folio may take the folio's lock, which comes first in the order.
 */
struct folio_mappings {
    struct folio *folio;
    u64 minus; /* is added to the folio's counts: the negative sum of FOLIO_MAPPINGs and FOLIO_REFERENCEs */
};
void folio_put_all_mapped(const struct folio_mappings *mappings, unsigned nr);

/*
 * folio_split() makes folios of new_order. folio_split_around() makes the aligned block [first, first + 2^order) one
 * folio, and all other parts as large as possible. The caller holds a reference, which stays with the first part. Each
 * other part has one reference: the caller's, or the backing object's, which goes on owning all parts. -EAGAIN:
 * somebody else holds a reference, or the folio is mapped; -EBUSY: it has holes or poison, or is secret; -EINVAL;
 * -ENOMEM. Errors change nothing. May sleep.
 */
int folio_split(struct folio *f, unsigned new_order);
int folio_split_around(struct folio *f, size_t first, unsigned order);

/*
 * Join the folios from low on into one of new_order. All have the same owner and state, and only the caller and the
 * backing object hold references; *joined has one of each. -EINVAL: low isn't the first folio of such a block; -EBUSY:
 * a frame there belongs to something else; -EAGAIN: a folio is mapped, or has other references. Errors change nothing.
 */
int folio_join(struct folio *low, unsigned new_order, struct folio **joined);

/* For mm/parts/folio_split.c: a descriptor without frames. */
struct folio *folio_descriptor_alloc(void);
void folio_descriptor_free(struct folio *f);

u64 folio_descriptors_in_use(void);
