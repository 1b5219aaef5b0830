/* SPDX-License-Identifier: MIT */
/* Inline functions of mm's headers, compiled with -fsanitize=thread. */
#include "operations.h"

struct folio *look_up(pfn_t pfn) { return pfn_folio_get(pfn); }
void let_go(struct folio *f, u32 nr) { folio_put_many(f, nr); }
