/* SPDX-License-Identifier: MIT */
/* Cutting folios that are mapped only in part down to what is mapped: mm/folios/folio_trim.c. */
#pragma once

#include <quire/folio.h>

/*
 * Try to give back that many frames, perhaps more, from folios of this account that are mapped only in part; NULL: of
 * everybody, account by account. Returns how many there were; 0: there are no more to be had, or the caller's process
 * was killed. No spin locks held, no memobj's lock; may be preempted.
 */
u64 folios_trim(struct quota *quota, u64 frames);

/*
 * The same for a request of this account that has failed: first its own folios, which help whatever was missing. What
 * others have left is looked at only if the account itself has room: nobody waits for the neighbours' folios in vain.
 */
u64 folios_trim_for(struct quota *quota);

void folio_note_partial_slow(struct folio *f);
void folio_forget_partial(struct folio *f); /* it is frozen or being freed */

/*
 * nr of the folio's mappings go, or have gone: if others stay, it is remembered. The caller holds a reference. May be
 * called with the folio's table locked.
 */
static inline void folio_note_partial(struct folio *f, size_t nr)
{
    if (unlikely(nr < folio_nr_pages(f)) && !(READ_ONCE(f->flags) & FOLIO_F_PARTIAL))
        folio_note_partial_slow(f);
}
