/* SPDX-License-Identifier: MIT */
/*
 * Folios: 2^order frames that belong together, one struct for all of them, one value in all their words.
 *
 * Reference count: who may use the frames. map_count counts frame mappings in user page tables, each of which holds
 * a reference: map_count <= refs always. A count of 0 means that nobody can find the folio:
 *
 *   0, being made     from folio_make() to folio_publish(): its maker alone knows it, and fills it in by plain stores
 *   0, frozen         from folio_ref_freeze() to folio_ref_unfreeze(): whoever froze it alone changes it. Nobody maps
 *                     it; but mm/folios/folio_trim.c freezes folios that are mapped, and says so (FOLIO_F_CUTTING)
 *   0, being freed    the last reference has gone; its words are about to say BUDDY
 *   0, FOLIO_F_DYING  the last reference has gone, but holes keep the frames; the last mend frees it
 *   1 or more         published: from here on its counts change by atomic operations only, its words, flags and owner
 *                     under its lock
 *
 * The first three pass by themselves: whoever meets one may look again. Dying stays for as long as a hole is open.
 *
 * struct folio is typed memory: a stale pointer finds a folio, perhaps another one. Look-up therefore
 * reads the word, takes a reference only if the count isn't 0, and reads the word again.
 *
 * A folio's words change only under its lock, once it is published.
 */
#pragma once

#include <quire/list.h>
#include <quire/memdesc.h>
#include <quire/refs.h>
#include <quire/spinlock.h>
#include <quire/direct_map.h>

struct memobj;
struct quota;

#define FOLIO_DEFAULT_ORDER 4 /* 64 KiB: what memory is made of where nothing else is asked for */
#define FOLIO_ZERO (1u << 0) /* folio_alloc: contents all zero */

/* folio->flags */
#define FOLIO_F_POISON (1u << 1) /* some frames are struct hwpoison */
#define FOLIO_F_DYING (1u << 2)  /* count is 0, holes keep the frames */
#define FOLIO_F_SECURE (1u << 3) /* frames are out of the direct map unless their word is HOLE */
#define FOLIO_F_PARTIAL (1u << 4) /* in a list of partly mapped folios, under its lock: mm/folios/partial.c */
#define FOLIO_F_CUTTING (1u << 5) /* frozen for a moment although it is mapped: who looks it up looks again */

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
            spinlock_t lock; /* words, flags, holes, clean */
            u32 nr_holes;
        };
        u64 lock_and_holes; /* 0: neither */
    };
    struct memobj *owner; /* who maps it: the way to every mapping (mm/holes/rmap.c) */
    u64 index;            /* of the first frame in the owner, in frames */
    u64 clean;            /* bit i: the i-th 64th holds no store newer than its maintenance */
    u64 gen;              /* code generation of its last maintenance */
    struct quota *quota;  /* whom the frames are charged to */
    struct list partial_link; /* FOLIO_F_PARTIAL */
    void *slab_link;
} __aligned(16);

_Static_assert(sizeof(struct folio) <= 128, "a folio's descriptor stays small");

/*
 * A new folio: reference count 1, words written, contents undefined unless FOLIO_ZERO. NULL: no memory
 * (nothing changed). `order` up to BUDDY_MAX_ORDER. No locks needed; may be called with none below
 * mm.areas and memobj held.
 */
struct folio *folio_alloc(unsigned order, unsigned flags);

/*
 * The same with reference count 0: nobody finds it before folio_publish(). The maker sets owner, quota and index first,
 * and doesn't sleep in between: memory_failure() waits for it. folio_free() if it isn't wanted after all.
 */
struct folio *folio_make(unsigned order, unsigned flags);

void folio_free(struct folio *folio); /* internal: count is 0, no holes */
void folio_release(struct folio *folio);

static inline void folio_get(struct folio *f) { __atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED); }
static inline void folio_get_many(struct folio *f, u32 nr) { __atomic_fetch_add(&f->refs, nr, __ATOMIC_RELAXED); }
static inline void folio_put_many(struct folio *f, u32 nr)
{
    if (__atomic_sub_fetch(&f->refs, nr, __ATOMIC_ACQ_REL) == 0)
        folio_release(f);
}
/* Drop a reference; the last one frees the folio (late, if it has holes). The folio lock isn't held. */
static inline void folio_put(struct folio *f) { folio_put_many(f, 1); }

/* Take a reference unless the count is 0. */
static inline bool folio_try_get(struct folio *f) { return refs_get_unless_zero(&f->refs); }

struct folio *pfn_folio_get_slow(pfn_t pfn); /* internal */
/*
 * The folio that frame pfn belongs to, with a reference; NULL: none (free, hole, poison, dying, ...). Word, type,
 * reference, and the word again: in between the folio may have been freed, and its descriptor be another's.
 */
static inline struct folio *pfn_folio_get(pfn_t pfn)
{
    memdesc_t word = memdesc_read(pfn);

    if (memdesc_type(word) != MEMDESC_FOLIO)
        return NULL;
    struct folio *f = memdesc_pointer(word);
    if (unlikely(!folio_try_get(f)))
        return pfn_folio_get_slow(pfn);
    if (likely(READ_ONCE(memory.words[pfn]) == word)) /* not before the count: that was an acquire */
        return f;
    folio_put(f);
    return pfn_folio_get_slow(pfn);
}

/* Make a folio unfindable if the caller's `expected` references are all there are. */
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

/* Flags change under the folio's lock, FOLIO_F_PARTIAL under another: so each change is atomic. */
static inline void folio_set_flags(struct folio *f, u32 flags) { __atomic_fetch_or(&f->flags, flags, __ATOMIC_RELAXED); }
static inline void folio_clear_flags(struct folio *f, u32 flags) { __atomic_fetch_and(&f->flags, ~flags, __ATOMIC_RELAXED); }

bool folio_has_hole(const struct folio *f);
bool folio_has_poison(const struct folio *f);

/* nr frame mappings came or went; each holds a reference that the caller handles. */
static inline void folio_add_mappings(struct folio *f, u32 nr) { __atomic_fetch_add(&f->map_count, nr, __ATOMIC_RELAXED); }
static inline void folio_remove_mappings(struct folio *f, u32 nr)
{
    __atomic_fetch_sub(&f->map_count, nr, __ATOMIC_RELAXED);
}

/*
 * nr mappings and the references they hold, in one step: both halves of `counts` change by as much, and neither
 * carries into the other, because the caller has a reference, or the mappings that go are there.
 */
#define FOLIO_MAPPING (1UL << 32 | 1)
#define FOLIO_REFERENCE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 1UL : 1UL << 32) /* a reference alone */
static inline void folio_get_mapped(struct folio *f, u32 nr)
{
    __atomic_fetch_add(&f->counts, nr * FOLIO_MAPPING, __ATOMIC_RELAXED);
}
/* How many of one folio's mappings and references are left: 0 of either is 0 in its half. */
static inline u32 folio_counts_refs(u64 counts)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? (u32)counts : (u32)(counts >> 32);
}
static inline void folio_put_mapped(struct folio *f, u32 nr)
{
    if (folio_counts_refs(__atomic_sub_fetch(&f->counts, nr * FOLIO_MAPPING, __ATOMIC_ACQ_REL)) == 0)
        folio_release(f);
}

/*
 * A folio that was being made can be found from now on, with these counts: so many FOLIO_MAPPINGs and
 * FOLIO_REFERENCEs.
 */
static inline void folio_publish(struct folio *f, u64 counts) { __atomic_store_n(&f->counts, counts, __ATOMIC_RELEASE); }

/*
 * Mappings and other references of folios that go, at the end of a TLB gather: folio_put_mapped() and folio_put() for
 * all, in one go. No page-table lock is held by then: freeing a folio may take its lock, which comes first.
 */
struct folio_mappings {
    struct folio *folio;
    u64 minus; /* what is added to its counts: minus so many FOLIO_MAPPINGs and FOLIO_REFERENCEs */
};
void folio_put_all_mapped(const struct folio_mappings *mappings, unsigned nr);

/*
 * Split into folios of new_order, or so that the aligned block [first, first + 2^order) is one and all other parts
 * are as large as can be. The caller holds a reference; the first part keeps it, each other part has one, the
 * caller's (or the backing object's, which goes on owning all parts). -EAGAIN: somebody else holds a reference, or
 * it is mapped; -EBUSY: holes, poison, secret; -EINVAL; -ENOMEM. Errors change nothing. May sleep.
 */
int folio_split(struct folio *f, unsigned new_order);
int folio_split_around(struct folio *f, size_t first, unsigned order);

/*
 * Join the folios from low on into one of new_order. All have the same owner and state and nobody but the caller
 * (and the backing object) holds references; those become the one of *joined. -EINVAL: low isn't the first of such
 * a block; -EBUSY: a frame there belongs to something else; -EAGAIN: referenced or mapped. Errors change nothing.
 */
int folio_join(struct folio *low, unsigned new_order, struct folio **joined);

/* For mm/folios/folio_split.c: a descriptor without frames. */
struct folio *folio_descriptor_alloc(void);
void folio_descriptor_free(struct folio *f);

u64 folio_descriptors_in_use(void);
