/* SPDX-License-Identifier: MIT */
/* The lists of partly mapped folios, for who trims them. mm/folios/partial.c */
#pragma once

#include <quire/folio.h>

/* The oldest one of this account (NULL: of whoever's turn it is), out of its list, with a reference; NULL: none. */
struct folio *partial_folio_take(struct quota *quota);
/* How many there are in this account (NULL: in all), more or less: others change it. */
u64 partial_folios_count(const struct quota *quota);
