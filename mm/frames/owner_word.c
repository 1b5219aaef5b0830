/* SPDX-License-Identifier: MIT */
/*
 * Finding the owner of a frame even if its word says poison or hole: the descriptors of both keep the folio's word.
 * This code reads only words and these two kinds of descriptors, so it needs no code of the layers above the frames.
 */
#include <quire/owner_word.h>
#include <quire/hole.h>
#include <quire/poison.h>

/* The frame's word, or the one that its poison record keeps. Poison records are never freed. */
static memdesc_t word_below_poison(pfn_t pfn)
{
    memdesc_t word = memdesc_read(pfn);

    if (memdesc_type(word) != MEMDESC_HWPOISON)
        return word;
    return __atomic_load_n(&((struct hwpoison *)memdesc_pointer(word))->saved, __ATOMIC_ACQUIRE);
}

/* The word is read again at the end: meanwhile the hole may have closed, and its struct may be another hole's. */
memdesc_t owner_word(pfn_t pfn)
{
    memdesc_t word, owner;

    do {
        owner = word = word_below_poison(pfn);
        if (memdesc_type(word) == MEMDESC_HOLE)
            owner = __atomic_load_n(&((struct insecure_mem *)memdesc_pointer(word))->saved, __ATOMIC_ACQUIRE);
    } while (unlikely(word_below_poison(pfn) != word));
    return owner;
}

struct folio *mapped_folio_slow(pfn_t pfn)
{
    memdesc_t word = owner_word(pfn);
    return memdesc_type(word) == MEMDESC_FOLIO ? memdesc_pointer(word) : NULL;
}
