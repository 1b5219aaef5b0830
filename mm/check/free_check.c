/* SPDX-License-Identifier: MIT */
/*
 * Memory that is used after it was freed, or freed twice: see <quire/free_check.h>.
 *
 * A free frame holds the pattern, but for its first words, which say who freed it. Its last word and the word behind
 * the callers tell whether it was filled at all: after boot no frame is, and blocks of more than FILL_MOST frames are
 * only marked as not filled, because filling them would take too long.
 *
 * A free slab object is marked in its slab's bitmap, so that a second free is seen for every cache. The objects of
 * untyped caches are filled as well. Those of typed caches keep their contents: stale pointers may still read them.
 */
#include <quire/free_check.h>

#if QUIRE_CHECKS
#include <quire/direct_map.h>
#include <quire/ksyms.h>
#include <quire/log.h>
#include <quire/printf.h>
#include <quire/slab.h>

#define PATTERN     0xfeedfeedfeedfeedUL
#define FILL_MOST   512u /* frames */
#define CALLERS     3u
#define FRAME_WORDS (PAGE_SIZE / sizeof(u64))

static const char *freed_by(const u64 *callers, unsigned nr)
{
    static char text[CALLERS * (SYMBOL_TEXT + 4)];
    char where[SYMBOL_TEXT];
    size_t at = 0;

    text[0] = 0;
    for (unsigned i = 0; i < nr && callers[i] && at < sizeof(text); i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i ? ", called by " : "",
                               symbol_text(callers[i], where));
    return text;
}

/* --- frames ------------------------------------------------------------------------------------ */
static bool is_filled(const u64 *words) { return words[CALLERS] == PATTERN && words[FRAME_WORDS - 1] == PATTERN; }

static void fill(u64 *words, const u64 *callers)
{
    for (unsigned i = 0; i < CALLERS; i++)
        words[i] = callers[i];
    for (unsigned i = CALLERS; i < 8; i++)
        words[i] = PATTERN;
    for (u64 *p = words + 8, *end = words + FRAME_WORDS; p < end; p += 8) {
        p[0] = PATTERN, p[1] = PATTERN, p[2] = PATTERN, p[3] = PATTERN;
        p[4] = PATTERN, p[5] = PATTERN, p[6] = PATTERN, p[7] = PATTERN;
    }
}

void frames_freed(pfn_t pfn, u64 nr)
{
    u64 callers[CALLERS] = {0};

    backtrace_callers(callers, CALLERS);
    for (u64 i = 0; i < nr; i++) {
        u64 *words = pfn_address(pfn + i);
        if (nr <= FILL_MOST)
            fill(words, callers);
        else
            words[CALLERS] = 0;
    }
}

static void check(pfn_t pfn)
{
    const u64 *words = pfn_address(pfn);
    u64 wrong = 0;

    for (const u64 *p = words + 8, *end = words + FRAME_WORDS; p < end; p += 8)
        wrong |= (p[0] ^ PATTERN) | (p[1] ^ PATTERN) | (p[2] ^ PATTERN) | (p[3] ^ PATTERN) | (p[4] ^ PATTERN) |
                 (p[5] ^ PATTERN) | (p[6] ^ PATTERN) | (p[7] ^ PATTERN);
    if (likely(!wrong))
        return;
    unsigned at = 8;
    while (words[at] == PATTERN)
        at++;
    panic("frame 0x%lx was written to after it was freed: at offset 0x%lx it has 0x%lx. It was freed in %s. likely: a "
          "pointer to it was used after the last reference was put, or one reference too many was put",
          pfn, at * sizeof(u64), words[at], freed_by(words, CALLERS));
}

pfn_t frames_taken(pfn_t pfn, unsigned order)
{
    for (u64 i = 0; pfn != PFN_NONE && i < 1UL << order && 1UL << order <= FILL_MOST; i++)
        if (is_filled(pfn_address(pfn + i)))
            check(pfn + i);
    return pfn;
}

/* --- objects of slabs -------------------------------------------------------------------------- */
/* The object's bit in its slab's bitmap. */
static u64 *bit_of(const struct slab_cache *cache, const void *object, u64 *bit)
{
    struct slab *slab = slab_of(cache, object);
    u64 index = ((u64)object - (u64)(slab + 1)) / cache->size;

    KASSERT(index < SLAB_OBJECTS_MOST && (u64)object == (u64)(slab + 1) + index * cache->size,
            "%p is no object of cache %s: it points into one, or into none. likely: the wrong pointer is freed", object,
            cache->name);
    *bit = 1UL << index % 64;
    return &slab->freed[index / 64];
}

/* The word that says who freed the object: the last one that isn't the link. */
static unsigned caller_word(const struct slab_cache *cache)
{
    unsigned last = cache->size / sizeof(u64) - 1;

    return cache->link_offset / sizeof(u64) == last ? last - 1 : last;
}

void object_freed(const struct slab_cache *cache, void *object)
{
    u64 bit, *map = bit_of(cache, object, &bit), callers[1] = {0}, *words = object;
    unsigned link = cache->link_offset / sizeof(u64), caller = caller_word(cache);

    if (__atomic_fetch_or(map, bit, __ATOMIC_RELAXED) & bit)
        panic("a %s at %p is freed twice. %s%s%slikely: two paths free it, or a count of references is wrong",
              cache->name, object, cache->typed ? "" : "It was freed before in ",
              cache->typed ? "" : freed_by(&words[caller], 1), cache->typed ? "" : ". ");
    if (cache->typed)
        return;
    backtrace_callers(callers, 1);
    for (unsigned i = 0; i < cache->size / sizeof(u64); i++)
        if (i != link)
            words[i] = i == caller ? callers[0] : PATTERN;
}

void object_taken(const struct slab_cache *cache, void *object)
{
    u64 bit, *map = bit_of(cache, object, &bit);
    const u64 *words = object;

    if (!(__atomic_fetch_and(map, ~bit, __ATOMIC_RELAXED) & bit) || cache->typed)
        return; /* new, or not filled */
    unsigned link = cache->link_offset / sizeof(u64), caller = caller_word(cache);
    for (unsigned i = 0; i < cache->size / sizeof(u64); i++)
        KASSERT(
            i == link || i == caller || words[i] == PATTERN,
            "a %s at %p was written to after it was freed: at offset 0x%lx it has 0x%lx. It was freed in %s. likely: a "
            "pointer to it was kept after it was freed",
            cache->name, object, i * sizeof(u64), words[i], freed_by(&words[caller], 1));
}
#endif
