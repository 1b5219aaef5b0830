/* SPDX-License-Identifier: MIT */
/*
 * Whose a frame is, below what its word says for the moment: under poison and under a hole lies the word of the
 * folio. Only words and two kinds of descriptors are read, so this needs nothing of what lies above the frames.
 */
#include <quire/owner_word.h>
#include <quire/hole.h>
#include <quire/poison.h>

/* Poison records are never freed. */
static memdesc_t word_below_poison(pfn_t pfn)
{
    memdesc_t word = memdesc_read(pfn);

    if (memdesc_type(word) != MEMDESC_HWPOISON)
        return word;
    return __atomic_load_n(&((struct hwpoison *)memdesc_pointer(word))->saved, __ATOMIC_ACQUIRE);
}

/* The word again afterwards: meanwhile the hole may have closed, and its struct be another's. */
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
