/* SPDX-License-Identifier: MIT */
/*
 * Slab caches. A slab is 2^order frames: first a struct slab, then the objects. Every frame's word points to the struct
 * slab. Free objects are in a list through their link field.
 *
 * A slab without free objects is in no list: the next slab_free() of one of its objects puts it back. In front of the
 * slabs each CPU has a magazine of a few free objects (Bonwick and Adams 2001). A magazine needs no lock: kernel code
 * isn't preempted, and interrupt handlers don't allocate.
 * Lock order: cache->lock, then the buddy's.
 */
#include <quire/slab.h>
#include <quire/frame_cache.h>
#include <quire/direct_map.h>
#include <quire/log.h>
#include <quire/string.h>
#include <quire/upcalls.h>
#include <arch-generic/page.h>

static struct list caches = LIST_INIT(caches);
static spinlock_t caches_lock;
LOCK_ORDER_STATIC(16, caches_lock);
static void **link_of(const struct slab_cache *cache, void *object)
{
    return (void **)((u8 *)object + cache->link_offset);
}

static struct slab *new_slab(struct slab_cache *cache)
{
    pfn_t pfn = frame_cache_alloc(cache->order);

    if (pfn == PFN_NONE)
        return NULL;
    size_t bytes = PAGE_SIZE << cache->order;
    struct slab *slab = pfn_address(pfn);
    arch_zero(slab, bytes);
    slab->cache = cache;
    list_init(&slab->link);
    slab->capacity = (u32)((bytes - sizeof(*slab)) / cache->size);
    u8 *object = (u8 *)(slab + 1), *last = object + (slab->capacity - 1) * (size_t)cache->size;
    slab->free = object; /* the list has the objects in order; the last link is zero already */
    for (size_t size = cache->size, offset = cache->link_offset; object < last; object += size)
        *(void **)(object + offset) = object + size;
    memdesc_fill(memory.words + pfn, 1UL << cache->order, memdesc_make(MEMDESC_SLAB, slab));
    if (cache->nr_slabs++ == 0) {
        spin_lock(&caches_lock);
        if (!cache->all.next)
            list_push_back(&caches, &cache->all);
        spin_unlock(&caches_lock);
    }
    return slab;
}

/* Puts n objects, chained from first to last, back into their slab. True: it is empty and in no list. Lock held. */
static bool return_objects(struct slab_cache *cache, struct slab *slab, void *first, void *last, u32 n)
{
    *link_of(cache, last) = slab->free;
    slab->free = first;
    if (slab->in_use == slab->capacity)
        list_push_front(&cache->partial, &slab->link);
    slab->in_use -= n;
    cache->nr_taken -= n;
    /* Keep one empty slab for the next request; typed slabs are never freed. */
    bool release = slab->in_use == 0 && !cache->typed && cache->partial.next != cache->partial.prev;
    if (release) {
        list_remove(&slab->link);
        cache->nr_slabs--;
    }
    return release;
}

/*
 * Moves the free objects of one slab into the magazine, at most as many as it holds. If all free objects fit, they move
 * without being read.
 */
static bool refill(struct slab_cache *cache, struct slab_magazine *m)
{
    spin_lock(&cache->lock);
    if (list_empty(&cache->partial)) {
        struct slab *fresh = new_slab(cache);
        if (!fresh) {
            spin_unlock(&cache->lock);
            return false;
        }
        list_push_front(&cache->partial, &fresh->link);
    }
    struct slab *slab = list_entry(cache->partial.next, struct slab, link);
    unsigned n = slab->capacity - slab->in_use;
    m->free = slab->free;
    if (n <= SLAB_MAGAZINE) {
        slab->free = NULL;
    } else {
        n = SLAB_MAGAZINE;
        void *last = m->free;
        for (unsigned i = 1; i < n; i++)
            last = *link_of(cache, last);
        slab->free = *link_of(cache, last);
        *link_of(cache, last) = NULL;
    }
    m->nr = n;
    cache->nr_taken += n;
    slab->in_use += n;
    if (slab->in_use == slab->capacity)
        list_remove(&slab->link);
    spin_unlock(&cache->lock);
    return true;
}

void *slab_take_slow(struct slab_cache *cache)
{
    struct slab_magazine *m = &cache->magazine[this_cpu()->cpu];

    return refill(cache, m) ? slab_pop(cache, m, m->nr, cache->link_offset) : NULL;
}

void *slab_alloc(struct slab_cache *cache)
{
    void *object = slab_take(cache, cache->link_offset);

    if (object && !cache->typed)
        memset(object, 0, cache->size);
    return object;
}

/*
 * Puts n chained objects back into their slabs, and returns the next object of the chain. Neighbours in the chain often
 * come from the same slab, and move together.
 */
static void *return_chain(struct slab_cache *cache, void *first, u32 n)
{
    struct slab *empty = NULL; /* empty slabs, chained through ->free, which they don't need any more */
    size_t link_offset = cache->link_offset;

    spin_lock(&cache->lock);
    while (n) {
        struct slab *slab = slab_of(cache, first);
        void *last = first, *next = *(void **)((u8 *)first + link_offset);
        KASSERT(slab->cache == cache, "slab_free: %p is no object of cache %s", first, cache->name);
        u64 left = n - 1, bytes = PAGE_SIZE << cache->order;
        while (left && (vaddr_t)next - (vaddr_t)slab < bytes) {
            last = next;
            next = *(void **)((u8 *)last + link_offset);
            left--;
        }
        u32 piece = n - (u32)left;
        n -= piece;
        if (return_objects(cache, slab, first, last, piece)) {
            slab->free = empty;
            empty = slab;
        }
        first = next;
    }
    spin_unlock(&cache->lock);
    while (empty) {
        struct slab *next = empty->free;
        frames_free(address_pfn(empty), cache->order);
        empty = next;
    }
    return first;
}

/* Gives half of a full magazine back to the slabs. */
static void empty_half(struct slab_cache *cache, struct slab_magazine *m)
{
    u32 n = (u32)m->nr - SLAB_MAGAZINE / 2;

    m->free = return_chain(cache, m->free, n);
    m->nr -= n;
}

/* The magazine is full, or the object isn't of this cache. */
__noinline void slab_free_slow(struct slab_cache *cache, void *object)
{
    KASSERT(slab_of(cache, object)->cache == cache, "slab_free: %p is no object of cache %s", object, cache->name);
    empty_half(cache, &cache->magazine[this_cpu()->cpu]);
    slab_free(cache, object);
}

void slab_free(struct slab_cache *cache, void *object) { slab_give(cache, cache->order, cache->link_offset, object); }

void slab_free_chain(struct slab_cache *cache, void *first, u32 n)
{
    if (n > SLAB_MAGAZINE / 2) {
        void *object = first;
        for (u32 i = 0; QUIRE_CHECKS && i < n; i++, object = *link_of(cache, object))
            object_freed(cache, object);
        return_chain(cache, first, n);
        return;
    }
    while (n--) {
        void *next = *link_of(cache, first);
        slab_free(cache, first);
        first = next;
    }
}

u64 slab_in_use(const struct slab_cache *cache)
{
    u64 n = cache->nr_taken;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        n -= cache->magazine[cpu].nr;
    return n;
}

/* --- sizes ------------------------------------------------------------------------------------- */
/*
 * The link is the last word of a free object. So a late user of the first members (a count of references, a lock) meets
 * the pattern of free memory there, and spoils no list.
 */
#define SIZE_CACHE(i, n, frames_order)                                                             \
    [i] = {.name = "kmalloc-" #n,                                                                  \
           .size = n,                                                                              \
           .link_offset = (n) - sizeof(void *),                                                    \
           .order = frames_order,                                                                  \
           .partial = LIST_INIT(sizes[i].partial)}
static struct slab_cache sizes[9] = {
    SIZE_CACHE(0, 32, 0),   SIZE_CACHE(1, 64, 0),   SIZE_CACHE(2, 128, 0),
    SIZE_CACHE(3, 256, 0),  SIZE_CACHE(4, 512, 0),  SIZE_CACHE(5, 1024, 2),
    SIZE_CACHE(6, 2048, 3), SIZE_CACHE(7, 4096, 4), SIZE_CACHE(8, 8192, 5),
};

void *kmalloc(size_t size)
{
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        if (size > sizes[i].size)
            continue;
        return slab_alloc(&sizes[i]);
    }
    return NULL;
}

void kfree(void *p)
{
    if (!p)
        return;
    memdesc_t word = memdesc_read(address_pfn(p));
    KASSERT(memdesc_type(word) == MEMDESC_SLAB, "kfree: %p is in a frame of type %s, not SLAB", p,
            memdesc_type_name(memdesc_type(word)));
    struct slab_cache *cache = ((struct slab *)memdesc_pointer(word))->cache;
    slab_give(cache, cache->order, cache->link_offset, p); /* not slab_free(): a check keeps who called this function */
}

#if QUIRE_CHECKS
bool slab_place(const void *address, struct slab_place *place)
{
    pfn_t pfn = address_pfn(address);

    if (!memory.words || pfn < memory.first || pfn >= memory.end)
        return false;
    memdesc_t word = READ_ONCE(memory.words[pfn]);
    if (memdesc_type(word) != MEMDESC_SLAB)
        return false;
    const struct slab *slab = memdesc_pointer(word);
    const struct slab_cache *cache = slab->cache;
    if (cache >= sizes && cache < sizes + ARRAY_SIZE(sizes))
        return false; /* objects of many types */
    u64 offset = (u64)address - (u64)(slab + 1);
    *place = (struct slab_place){cache->name, cache, (const u8 *)(slab + 1) + offset / cache->size * cache->size,
                                 (u32)(offset % cache->size)};
    return true;
}
#endif

u64 slab_objects_in_use(void)
{
    u64 sum = 0;

    spin_lock(&caches_lock);
    list_for_each(node, &caches)
        sum += slab_in_use(list_entry(node, struct slab_cache, all));
    spin_unlock(&caches_lock);
    return sum;
}

u64 slab_frames(void)
{
    u64 sum = 0;

    spin_lock(&caches_lock);
    list_for_each(node, &caches) {
        struct slab_cache *c = list_entry(node, struct slab_cache, all);
        sum += c->nr_slabs << c->order;
    }
    spin_unlock(&caches_lock);
    return sum;
}

void slab_print(void)
{
    kprintf("%-16s %8s %8s %8s\n", "cache", "size", "in use", "slabs");
    list_for_each(node, &caches) {
        struct slab_cache *c = list_entry(node, struct slab_cache, all);
        kprintf("%-16s %8u %8lu %8lu\n", c->name, c->size, slab_in_use(c), c->nr_slabs);
    }
}
