/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU caches of free blocks: see <quire/frame_cache.h>. Each has a lock. Only its own CPU takes it, except for
 * draining. Lock order: cache, then buddy.
 */
#include <quire/frame_cache.h>
#include <quire/folio.h>
#include <quire/log.h>

#define CLASS_ORDERS {0, FOLIO_DEFAULT_ORDER}
#define NR_CLASSES FRAME_CACHE_CLASSES

static const u8 class_order[NR_CLASSES] = CLASS_ORDERS;
static const u8 class_limit[NR_CLASSES] = {FRAME_CACHE_CAPACITY, 32}; /* most blocks of a class; powers of two */

static struct frame_class *class_of(struct frame_cache *cache, unsigned order)
{
    /* CLASS_ORDERS */
    return likely(order == 0) ? &cache->class[0] : order == FOLIO_DEFAULT_ORDER ? &cache->class[1] : NULL;
}

static unsigned limit_of(const struct frame_cache *cache, const struct frame_class *class)
{
    return class_limit[class - cache->class];
}

/*
 * Fills half of a class at once. It cuts up one larger block, which also keeps neighbours together. If there is none,
 * it takes single blocks, as many as there are.
 */
static void refill(struct frame_class *class, unsigned order, unsigned limit)
{
    unsigned nr = limit / 2, more = (unsigned)__builtin_ctz(nr);
    pfn_t pfn = buddy_alloc(&buddy, order + more);

    if (pfn != PFN_NONE) {
        u32 block = (u32)pfn + (nr << order);
        for (u32 *to = class->pfn + class->nr, *end = to + nr; to < end; to++) /* the lowest comes out first */
            *to = block -= 1u << order;
        class->nr += nr;
        return;
    }
    while (class->nr < nr && (pfn = buddy_alloc(&buddy, order)) != PFN_NONE)
        class->pfn[class->nr++] = (u32)pfn;
}

/*
 * Gives blocks back to the buddy until `keep` are left. Memory that was touched in order is often freed in order, so
 * neighbours go back as one range: the buddy then needn't join them one by one.
 */
static void flush(struct frame_class *class, unsigned order, unsigned keep)
{
    while (class->nr > keep) {
        u32 first = class->pfn[--class->nr], end = first + (1u << order);
        for (; class->nr > keep; class->nr--) {
            u32 next = class->pfn[class->nr - 1];
            if (next + (1u << order) == first)
                first = next;
            else if (next == end)
                end += 1u << order;
            else
                break;
        }
        buddy_free_cached(&buddy, first, end - first);
    }
}

/* This CPU's cache has no such block: fill the cache, or take what the caches of other CPUs keep. */
__noinline pfn_t frame_cache_refill(struct frame_cache *cache, unsigned order)
{
    struct frame_class *class = class_of(cache, order);
    pfn_t pfn = PFN_NONE;

    if (class) {
        frame_cache_lock(cache);
        if (!class->nr)
            refill(class, order, limit_of(cache, class));
        if (class->nr)
            pfn = class->pfn[--class->nr];
        frame_cache_unlock(cache);
    } else {
        pfn = buddy_alloc(&buddy, order);
    }
    if (pfn == PFN_NONE && frame_cache_frames()) {
        frame_cache_drain(); /* together with the cached frames there may be enough */
        pfn = buddy_alloc(&buddy, order);
    }
    return pfn;
}

pfn_t frame_cache_alloc(unsigned order)
{
    return order == 0   ? frame_cache_take(0, 0)
           : order == FOLIO_DEFAULT_ORDER ? frame_cache_take(1, FOLIO_DEFAULT_ORDER) /* CLASS_ORDERS */
                        : frames_taken(frame_cache_refill(&this_cpu()->frames, order), order);
}

void frame_cache_free(pfn_t pfn, unsigned order)
{
    struct frame_cache *cache = &this_cpu()->frames;
    struct frame_class *class = class_of(cache, order);

    frames_freed(pfn, 1UL << order);
    if (!class) {
        buddy_free(&buddy, pfn, order);
        return;
    }
    DEBUG_ASSERT(memdesc_type(memory.words[pfn]) != MEMDESC_BUDDY, "frame 0x%lx is free already (freed twice?)", pfn);
    if (order == 0)
        WRITE_ONCE(memory.words[pfn], MEMDESC_BUDDY);
    else
        memdesc_fill(memory.words + pfn, 1UL << order, MEMDESC_BUDDY);
    frame_cache_lock(cache);
    if (unlikely(class->nr == limit_of(cache, class)))
        flush(class, order, class->nr / 2);
    class->pfn[class->nr++] = (u32)pfn;
    frame_cache_unlock(cache);
}

void frame_cache_free_run(pfn_t pfn, u64 nr)
{
    struct frame_cache *cache = &this_cpu()->frames;
    struct frame_class *class = &cache->class[0];

    frames_freed(pfn, nr);
    if (nr <= 4) {
        frame_cache_lock(cache); /* another CPU may be draining the cache */
        for (; nr && class->nr < class_limit[0]; nr--)
            class->pfn[class->nr++] = (u32)(pfn + nr - 1);
        frame_cache_unlock(cache);
    }
    if (nr)
        buddy_free_cached(&buddy, pfn, nr);
}

void frame_cache_drain(void)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        frame_cache_lock(&cpu_area(cpu)->frames);
        for (unsigned c = 0; c < NR_CLASSES; c++)
            flush(&cpu_area(cpu)->frames.class[c], class_order[c], 0);
        frame_cache_unlock(&cpu_area(cpu)->frames);
    }
}

u64 frame_cache_frames(void)
{
    u64 sum = 0;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        for (unsigned c = 0; c < NR_CLASSES; c++)
            sum += (u64)READ_ONCE(cpu_area(cpu)->frames.class[c].nr) << class_order[c];
    return sum;
}
