/* SPDX-License-Identifier: MIT */
/* What splitting and trimming folios share: descriptors in a list, and parts. It is in mm/parts/folio_split.c. */
#pragma once

#include <quire/folio.h>

/* nr new descriptors in a list, or NULL: no memory, or nr is 0. */
struct folio *take_descriptors(size_t nr);
struct folio *next_descriptor(struct folio **list);
void give_descriptors(struct folio *list);

/* Makes [first, first + 2^order) of the frozen folio a folio of its own, which nobody can find yet. */
void make_part(struct folio *part, const struct folio *whole, size_t first, unsigned order);
