/* SPDX-License-Identifier: MIT */
/*
 * Quotas: how many frames a process may hold. Charged before memory is taken, given back when it is freed;
 * what is charged remembers the quota, which lives as long as anything charged to it.
 */
#pragma once

#include <quire/types.h>

#define QUOTA_REFERENCE (1UL << 48)

struct quota {
    u64 word;  /* references << 48 | frames in use; the struct lives while it isn't 0 */
    u64 limit; /* frames */
};

struct quota *quota_create(u64 limit_frames); /* NULL: no memory */
void quota_get(struct quota *q);
void quota_put(struct quota *q);
/* Charge nr frames; false: that would go over the limit, nothing is charged. NULL never refuses. */
static inline bool quota_charge(struct quota *q, u64 nr)
{
    if (!q || likely((__atomic_add_fetch(&q->word, nr, __ATOMIC_RELAXED) & (QUOTA_REFERENCE - 1)) <= q->limit))
        return true;
    __atomic_sub_fetch(&q->word, nr, __ATOMIC_RELAXED);
    return false;
}
void quota_uncharge(struct quota *q, u64 nr);
u64 quota_used(const struct quota *q);
