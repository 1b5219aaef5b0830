/* SPDX-License-Identifier: MIT */
/* Whose a frame is, whatever its word says for the moment. mm/frames/owner_word.c */
#pragma once

#include <quire/log.h>
#include <quire/memdesc.h>

struct folio;

/* The word of what a frame is part of: a hole or poison may have come over it, and remembers that. */
memdesc_t owner_word(pfn_t pfn);
/*
 * The folio whose reference a present entry of an ordinary area holds, or a hole's mark, whatever its word says by now;
 * NULL: none. Entries map nothing but frames of RAM, so there is a word.
 */
struct folio *mapped_folio_slow(pfn_t pfn);
static inline struct folio *mapped_folio(pfn_t pfn)
{
    DEBUG_ASSERT(pfn_valid(pfn), "an entry maps frame 0x%lx, which isn't RAM", pfn);
    memdesc_t word = READ_ONCE(memory.words[pfn]);
    return likely(memdesc_type(word) == MEMDESC_FOLIO) ? memdesc_pointer(word) : mapped_folio_slow(pfn);
}
