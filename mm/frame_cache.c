/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU caches of free blocks: see <quire/frame_cache.h>. Each has a lock that only its own CPU takes, but for
 * draining. Lock order: cache, then buddy.
 */
#include <quire/frame_cache.h>
#include <quire/log.h>

#define CLASS_ORDERS {0, 4}
#define NR_CLASSES 2
#define CAPACITY 64

struct frame_class {
    u32 nr;
    u32 pfn[CAPACITY];
};

static struct frame_cache {
    u32 locked; /* nearly always ours alone, held for a few instructions: not worth the held-lock counter */
    struct frame_class class[NR_CLASSES];
} __aligned(64) caches[MAX_CPUS];

static const u8 class_order[NR_CLASSES] = CLASS_ORDERS;
static const u8 class_limit[NR_CLASSES] = {64, 8}; /* blocks kept, powers of two; half of them move at a time */

static struct frame_class *class_of(struct frame_cache *cache, unsigned order)
{
    return likely(order == 0) ? &cache->class[0] : order == 4 ? &cache->class[1] : NULL; /* CLASS_ORDERS */
}

static unsigned limit_of(const struct frame_cache *cache, const struct frame_class *class)
{
    return class_limit[class - cache->class];
}

/* Half a class at once: one larger block cut up, which also keeps neighbours together; else what there is. */
static void refill(struct frame_class *class, unsigned order, unsigned limit)
{
    unsigned nr = limit / 2, more = (unsigned)__builtin_ctz(nr);
    pfn_t pfn = buddy_alloc(&buddy, order + more);

    if (pfn != PFN_NONE) {
        for (unsigned i = nr; i-- > 0;) /* the lowest comes out first */
            class->pfn[class->nr++] = (u32)(pfn + ((u64)i << order));
        return;
    }
    while (class->nr < nr && (pfn = buddy_alloc(&buddy, order)) != PFN_NONE)
        class->pfn[class->nr++] = (u32)pfn;
}

/*
 * Back to the buddy until `keep` are left. Memory that was touched in order is freed in order: neighbours go back as
 * one range, which saves the buddy joining them one by one.
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

static inline void lock_cache(struct frame_cache *cache)
{
    while (unlikely(__atomic_exchange_n(&cache->locked, 1, __ATOMIC_ACQUIRE)))
        cpu_relax();
}
static inline void unlock_cache(struct frame_cache *cache) { __atomic_store_n(&cache->locked, 0, __ATOMIC_RELEASE); }

/* Not in the cache of this CPU: fill it, or look what other CPUs keep. */
static __noinline pfn_t alloc_slow(struct frame_cache *cache, struct frame_class *class, unsigned order)
{
    pfn_t pfn = PFN_NONE;

    if (class) {
        lock_cache(cache);
        if (!class->nr)
            refill(class, order, limit_of(cache, class));
        if (class->nr)
            pfn = class->pfn[--class->nr];
        unlock_cache(cache);
    } else {
        pfn = buddy_alloc(&buddy, order);
    }
    if (pfn == PFN_NONE && frame_cache_frames()) {
        frame_cache_drain(); /* what the caches keep may be all that is missing */
        pfn = buddy_alloc(&buddy, order);
    }
    return pfn;
}

pfn_t frame_cache_alloc(unsigned order)
{
    struct frame_cache *cache = &caches[this_cpu()->cpu];
    struct frame_class *class = class_of(cache, order);

    if (likely(class && class->nr)) { /* only a drain makes it less behind our back */
        lock_cache(cache);
        pfn_t pfn = class->nr ? class->pfn[--class->nr] : PFN_NONE;
        unlock_cache(cache);
        if (likely(pfn != PFN_NONE))
            return pfn;
    }
    return alloc_slow(cache, class, order);
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
    lock_cache(cache);
    if (unlikely(class->nr == limit_of(cache, class)))
        flush(class, order, class->nr / 2);
    class->pfn[class->nr++] = (u32)pfn;
    unlock_cache(cache);
}

void frame_cache_free_run(pfn_t pfn, u64 nr)
{
    struct frame_cache *cache = &caches[this_cpu()->cpu];
    struct frame_class *class = &cache->class[0];

    if (nr <= 4 && class->nr + nr <= class_limit[0]) { /* a few fit */
        lock_cache(cache);
        while (nr--)
            class->pfn[class->nr++] = (u32)(pfn + nr);
        unlock_cache(cache);
    } else {
        buddy_free_cached(&buddy, pfn, nr);
    }
}

void frame_cache_drain(void)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        lock_cache(&caches[cpu]);
        for (unsigned c = 0; c < NR_CLASSES; c++)
            flush(&caches[cpu].class[c], class_order[c], 0);
        unlock_cache(&caches[cpu]);
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
