/* SPDX-License-Identifier: MIT */
/* Cutting partial folios down to their mapped frames: mm/parts/folio_trim.c. */
#pragma once

#include <quire/folio.h>

/*
 * Try to free that many frames, perhaps more, from folios of this account that are mapped only in part; NULL: of all
 * accounts, one by one. Returns how many were freed; 0: no more can be freed, or the caller's process
 * was killed. No spin locks held, no memobj's lock; may be preempted.
 */
u64 folios_trim(struct quota *quota, u64 frames);

/*
 * The same after a request of this account has failed. The account's own folios come first: freeing them helps whether
 * memory or the account was full. Folios of other accounts are looked at only if this account has room; otherwise they
 * can't help.
 */
u64 folios_trim_for(struct quota *quota);

void folio_note_partial_slow(struct folio *f);
void folio_forget_partial(struct folio *f); /* it is frozen or being freed */

/*
 * nr of the folio's mappings go, or have gone. If others stay, the folio is remembered as partial. The caller holds a
 * reference. May be called with the folio's table locked.
 */
static inline void folio_note_partial(struct folio *f, size_t nr)
{
    if (unlikely(nr < folio_nr_pages(f)) && !(READ_ONCE(f->flags) & FOLIO_F_PARTIAL))
        folio_note_partial_slow(f);
}

/* --- the lists of partly mapped folios: mm/folios/partial.c -------------------------------------- */
/*
 * Takes the oldest one of this account (NULL: of the account whose turn it is) from its list, with a reference. NULL:
 * there is none.
 */
struct folio *partial_folio_take(struct quota *quota);
/* How many there are in this account (NULL: in all). The number may change at any time. */
u64 partial_folios_count(const struct quota *quota);
