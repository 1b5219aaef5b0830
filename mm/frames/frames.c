/* SPDX-License-Identifier: MIT */
/* Frames that aren't for folios or slabs, with their words written: see <quire/buddy.h>. */
#include <quire/buddy.h>
#include <quire/fail.h>
#include <quire/frame_cache.h>

pfn_t frames_alloc(unsigned order, memdesc_t word)
{
    pfn_t pfn = allocation_fails() ? PFN_NONE : frame_cache_alloc(order);

    if (pfn != PFN_NONE)
        memdesc_fill(memory.words + pfn, 1UL << order, word);
    return pfn;
}

void frames_free(pfn_t pfn, unsigned order) { frame_cache_free(pfn, order); }
