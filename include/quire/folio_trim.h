/* SPDX-License-Identifier: MIT */
/* Cutting folios that are mapped only in part down to what is mapped: mm/folio_trim.c. */
#pragma once

#include <quire/folio.h>

#define TRIM_FRAMES 512 /* that many are asked for when a request fails: more than any fault needs */

/*
 * Try to give back that many frames, perhaps more, from folios that are mapped only in part. Returns how many there were;
 * 0: there are no more to be had. No spin locks held, no memobj's lock; may be preempted.
 */
u64 folios_trim(u64 frames);

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
