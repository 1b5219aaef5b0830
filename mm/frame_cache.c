/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU caches of free blocks: see <quire/frame_cache.h>. Each has a lock that only its own CPU takes, but for
 * draining. Lock order: cache, then buddy.
 */
#include <quire/frame_cache.h>
#include <quire/log.h>

#define CLASS_ORDERS {0, 4}
#define NR_CLASSES 2
#define CAPACITY 32

struct frame_class {
    u32 nr;
    u32 pfn[CAPACITY];
};

static struct frame_cache {
    spinlock_t lock;
    struct frame_class class[NR_CLASSES];
} __aligned(64) caches[MAX_CPUS];

static const u8 class_order[NR_CLASSES] = CLASS_ORDERS;
static const u8 class_limit[NR_CLASSES] = {32, 8}; /* blocks kept; half of them move at a time */

static struct frame_class *class_of(struct frame_cache *cache, unsigned order)
{
    return order == class_order[0] ? &cache->class[0] : order == class_order[1] ? &cache->class[1] : NULL;
}

static unsigned limit_of(const struct frame_cache *cache, const struct frame_class *class)
{
    return class_limit[class - cache->class];
}

static void refill(struct frame_class *class, unsigned order, unsigned nr)
{
    while (class->nr < nr) {
        pfn_t pfn = buddy_alloc(&buddy, order);
        if (pfn == PFN_NONE)
            return;
        class->pfn[class->nr++] = (u32)pfn;
    }
}

static void flush(struct frame_class *class, unsigned order, unsigned keep)
{
    while (class->nr > keep)
        buddy_free_cached(&buddy, class->pfn[--class->nr], order);
}

pfn_t frame_cache_alloc(unsigned order)
{
    struct frame_cache *cache = &caches[this_cpu()->cpu];
    struct frame_class *class = class_of(cache, order);
    pfn_t pfn = PFN_NONE;

    if (class) {
        spin_lock(&cache->lock);
        if (unlikely(!class->nr))
            refill(class, order, limit_of(cache, class) / 2);
        if (likely(class->nr))
            pfn = class->pfn[--class->nr];
        spin_unlock(&cache->lock);
    } else {
        pfn = buddy_alloc(&buddy, order);
    }
    if (unlikely(pfn == PFN_NONE) && frame_cache_frames()) {
        frame_cache_drain(); /* what the caches keep may be all that is missing */
        pfn = buddy_alloc(&buddy, order);
    }
    return pfn;
}

void frame_cache_free(pfn_t pfn, unsigned order)
{
    struct frame_cache *cache = &caches[this_cpu()->cpu];
    struct frame_class *class = class_of(cache, order);

    if (!class) {
        buddy_free(&buddy, pfn, order);
        return;
    }
    DEBUG_ASSERT(memdesc_type(memory.words[pfn]) != MEMDESC_BUDDY, "frame 0x%lx is free already (freed twice?)", pfn);
    if (order == 0)
        memory.words[pfn] = MEMDESC_BUDDY;
    else
        memdesc_fill(memory.words + pfn, 1UL << order, MEMDESC_BUDDY);
    spin_lock(&cache->lock);
    if (unlikely(class->nr == limit_of(cache, class)))
        flush(class, order, class->nr / 2);
    class->pfn[class->nr++] = (u32)pfn;
    spin_unlock(&cache->lock);
}

void frame_cache_drain(void)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        spin_lock(&caches[cpu].lock);
        for (unsigned c = 0; c < NR_CLASSES; c++)
            flush(&caches[cpu].class[c], class_order[c], 0);
        spin_unlock(&caches[cpu].lock);
    }
}

u64 frame_cache_frames(void)
{
    u64 sum = 0;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        for (unsigned c = 0; c < NR_CLASSES; c++)
            sum += (u64)READ_ONCE(caches[cpu].class[c].nr) << class_order[c];
    return sum;
}
