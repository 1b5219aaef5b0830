/* SPDX-License-Identifier: MIT */
/*
 * Slab caches: objects of one size, cut from blocks of frames whose words say SLAB (Bonwick 1994).
 *
 * A *typed* cache never gives its frames back, and never writes to a free object below link_offset. So a stale pointer
 * into the cache still points to an object of the same type. Folios, holes, poison records and page-table descriptors
 * need that, because words are followed without a lock.
 *
 * Objects are aligned to 16 bytes. They are aligned to SLAB_ALIGN_MAX if their size is a multiple of it, which is true
 * of every struct that asks for this alignment.
 */
#pragma once

#include <quire/fail.h>
#include <quire/free_check.h>
#include <quire/list.h>
#include <quire/spinlock.h>

#define SLAB_ALIGN_MAX 64

#define SLAB_MAGAZINE 64

struct slab_magazine {
    void *free;
    u64 nr;
};

struct slab_cache {
    const char *name;
    u32 size;         /* bytes of an object, a multiple of 16 */
    u32 link_offset;  /* where a free object keeps the free-list link */
    u8 order;         /* frames per slab, log2 */
    bool typed;
    spinlock_t lock;
    struct list partial; /* slabs with free objects */
    u64 nr_taken;        /* objects out of slabs: in use or in a magazine */
    u64 nr_slabs;
    struct list all;     /* in the list of caches */
    struct slab_magazine magazine[MAX_CPUS];
};

#define SLAB_OBJECTS_MOST 128 /* of 32 bytes and more in a frame */

void *slab_take_slow(struct slab_cache *cache); /* internal: the magazine is empty */

/* At the start of its frames, whose words point to it. */
struct slab {
    struct list link; /* in cache->partial */
    struct slab_cache *cache;
    void *free;
    u32 in_use, capacity;
#if QUIRE_CHECKS
    u64 freed[SLAB_OBJECTS_MOST / 64]; /* one bit for each object that is free again: mm/check/free_check.c */
#endif
} __aligned(SLAB_ALIGN_MAX);

static inline struct slab *slab_of(const struct slab_cache *cache, const void *object)
{
    /* A slab is aligned to its size: blocks of the buddy are. */
    return (struct slab *)ALIGN_DOWN((vaddr_t)object, PAGE_SIZE << cache->order);
}

#define SLAB_CACHE(var, type, member, is_typed)                                                    \
    struct slab_cache var = {                                                                      \
        .name = #type,                                                                             \
        .size = ALIGN_UP(sizeof(struct type), 16UL),                                               \
        .link_offset = offsetof(struct type, member),                                              \
        .typed = is_typed,                                                                         \
        .partial = LIST_INIT(var.partial),                                                         \
    }

/* The bytes of its slab's frame that an object takes, and that are charged for it. For caches that SLAB_CACHE made. */
#define SLAB_COST(type) DIV_ROUND_UP(PAGE_SIZE, (PAGE_SIZE - sizeof(struct slab)) / ALIGN_UP(sizeof(struct type), 16UL))

/* A zeroed object. An object of a typed cache is as its last owner left it, and all zeros when it is new. NULL: no
 * memory. */
void *slab_alloc(struct slab_cache *cache);
void slab_free(struct slab_cache *cache, void *object);
/* n objects that are chained through their link field; where the chain ends doesn't matter. */
void slab_free_chain(struct slab_cache *cache, void *first, u32 n);

/* Memory of any size up to 8 KiB, zeroed; NULL: no memory or too large. */
#define KMALLOC_MAX 8192
void *kmalloc(size_t size);
void kfree(void *p); /* NULL is fine */

/* internal: the first of the nr objects in a magazine */
static __always_inline void *slab_pop(const struct slab_cache *cache, struct slab_magazine *m, u64 nr,
                                      size_t link_offset)
{
    void *object = m->free;
    void **link = (void **)((u8 *)object + link_offset);

    m->nr = nr - 1;
    m->free = *link;
    *link = NULL;
    object_taken(cache, object);
    return object;
}

/*
 * The fast slab_alloc() for a typed cache, for callers that make an object at every fault. The object comes from the
 * CPU's magazine and is as its last owner left it, except for its link. link_offset is the cache's.
 */
static __always_inline void *slab_take(struct slab_cache *cache, size_t link_offset)
{
    struct slab_magazine *m = &cache->magazine[this_cpu()->cpu];

    if (allocation_fails())
        return NULL;
    u64 nr = m->nr;
    return unlikely(!nr) ? slab_take_slow(cache) : slab_pop(cache, m, nr, link_offset);
}

void slab_free_slow(struct slab_cache *cache, void *object); /* internal */

/* The fast slab_free(). order and link_offset are the cache's; SLAB_CACHE makes caches of order 0. */
static __always_inline void slab_give(struct slab_cache *cache, unsigned order, size_t link_offset, void *object)
{
    struct slab *slab = (struct slab *)ALIGN_DOWN((vaddr_t)object, PAGE_SIZE << order);
    struct slab_magazine *m = &cache->magazine[this_cpu()->cpu];
    u64 nr = m->nr;

    if (unlikely(nr == SLAB_MAGAZINE || slab->cache != cache)) {
        slab_free_slow(cache, object);
        return;
    }
    object_freed(cache, object);
    *(void **)((u8 *)object + link_offset) = m->free;
    m->nr = nr + 1;
    m->free = object;
}

/* In-use objects over all caches, for leak checks; and one line per cache through kprintf. */
u64 slab_in_use(const struct slab_cache *cache);
u64 slab_objects_in_use(void);
u64 slab_frames(void); /* frames that slabs hold */
void slab_print(void);
