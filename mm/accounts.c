/* SPDX-License-Identifier: MIT */
/* Counting all frames by their types: see <quire/memory_init.h>. */
#include <quire/memory_init.h>
#include <quire/buddy.h>
#include <quire/frame_cache.h>
#include <quire/kvmap.h>
#include <quire/log.h>
#include <quire/slab.h>

u64 memdesc_count(u64 counts[MEMDESC_NR_TYPES])
{
    u64 sum = 0;

    for (unsigned t = 0; t < MEMDESC_NR_TYPES; t++)
        counts[t] = 0;
    for (pfn_t pfn = memory.first; pfn < memory.end; pfn++) {
        memdesc_t word = memory.words[pfn];
        if (word == memdesc_make_misc(MISC_ABSENT))
            continue;
        /* The word of a free block's head stands for the whole block. */
        u64 nr = memdesc_type(word) == MEMDESC_BUDDY ? buddy_block_frames(word) : 1;
        counts[memdesc_type(word) % MEMDESC_NR_TYPES] += nr;
        sum += nr;
        pfn += nr - 1;
    }
    return sum;
}

u64 memory_available_frames(void)
{
    return buddy.nr_free + frame_cache_frames() + kstack_cached_frames() + slab_frames();
}

bool memory_print_accounts(void)
{
    u64 counts[MEMDESC_NR_TYPES], sum = memdesc_count(counts);

    kprintf("frames %'lu =", sum);
    for (unsigned t = 0, shown = 0; t < MEMDESC_NR_TYPES; t++)
        if (counts[t])
            kprintf("%s %s %'lu", shown++ ? " +" : "", memdesc_type_name(t), counts[t]);
    u64 free = buddy.nr_free + frame_cache_frames();
    bool good = sum == memory.nr_frames && counts[MEMDESC_BUDDY] == free;
    kprintf("    %s\n", good ? "all accounted for" : "THE WORDS DON'T ADD UP");
    if (sum != memory.nr_frames)
        kprintf("  the machine has %'lu frames, and the words are of %'lu. likely: the order in a free block's first "
                "word is wrong, or the block's other words don't say BUDDY\n",
                memory.nr_frames, sum);
    if (counts[MEMDESC_BUDDY] != free)
        kprintf("  the words of %'lu frames say BUDDY, and the buddy and the CPUs' caches count %'lu. likely: frames "
                "were freed and their words weren't rewritten, or the other way round\n",
                counts[MEMDESC_BUDDY], free);
    return good;
}
