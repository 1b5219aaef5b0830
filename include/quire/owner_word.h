/* SPDX-License-Identifier: MIT */
/* Who owns a frame, even while its word says HOLE or HWPOISON. mm/frames/owner_word.c */
#pragma once

#include <quire/log.h>
#include <quire/memdesc.h>

struct folio;

/* The owner word of a frame. A hole or poison may have replaced it in the frame's word; their descriptors remember
 * it. */
memdesc_t owner_word(pfn_t pfn);
/*
 * The folio that a present entry or a hole's mark of an ordinary area holds a reference to, whatever the frame's word
 * says by now. NULL: none. Entries map only frames of RAM, so there is a word.
 */
struct folio *mapped_folio_slow(pfn_t pfn);
static inline struct folio *mapped_folio(pfn_t pfn)
{
    DEBUG_ASSERT(pfn_valid(pfn), "an entry maps frame 0x%lx, which isn't RAM", pfn);
    memdesc_t word = READ_ONCE(memory.words[pfn]);
    return likely(memdesc_type(word) == MEMDESC_FOLIO) ? memdesc_pointer(word) : mapped_folio_slow(pfn);
}
