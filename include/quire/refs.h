/* SPDX-License-Identifier: MIT */
/* Counts of references: 0 means that nobody has one, and that nobody can get one any more. */
#pragma once

#include <quire/types.h>

/*
 * Add one reference, unless the count is 0: then the result is false and nothing has changed. Later reads of the caller
 * see everything that was stored before the count that it found (acquire).
 */
static __always_inline bool refs_get_unless_zero(u32 *count)
{
    u32 refs = __atomic_load_n(count, __ATOMIC_RELAXED);

    do {
        if (refs == 0)
            return false;
    } while (!__atomic_compare_exchange_n(count, &refs, refs + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
    return true;
}
