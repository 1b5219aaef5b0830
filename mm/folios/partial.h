/* SPDX-License-Identifier: MIT */
/* The lists of partly mapped folios, for trimming (mm/folios/folio_trim.c). They are in mm/folios/partial.c. */
#pragma once

#include <quire/folio.h>

/*
 * Takes the oldest one of this account (NULL: of the account whose turn it is) from its list, with a reference. NULL:
 * there is none.
 */
struct folio *partial_folio_take(struct quota *quota);
/* How many there are in this account (NULL: in all). The number may change at any time. */
u64 partial_folios_count(const struct quota *quota);
