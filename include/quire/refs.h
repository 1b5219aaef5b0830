/* SPDX-License-Identifier: MIT */
/* Counts of references: 0 means that nobody has one, and that nobody can get one any more. */
#pragma once

#include <quire/log.h>
#include <quire/plural.h>
#include <quire/types.h>

#define REFS_MOST (1u << 31) /* nobody has so many: it is the pattern of freed memory (mm/check/free_check.c) */

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

/*
 * Drop nr references; true: they were the last. The caller's earlier accesses come before the drop, and whatever it
 * does after the last drop comes after all others' (acquire and release). `what` names the object in the text of a
 * panic.
 */
static __always_inline bool refs_put(u32 *count, u32 nr, const char *what, const void *object)
{
    u32 left = __atomic_sub_fetch(count, nr, __ATOMIC_ACQ_REL);

    DEBUG_ASSERT(left + nr >= nr && left < REFS_MOST,
                 "a %s at %p has %u reference%s, and %u are put. likely: one is put twice, or it is used "
                 "after it was freed",
                 what, object, left + nr, plural(left + nr), nr);
    (void)what, (void)object;
    return left == 0;
}
