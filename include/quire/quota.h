/* SPDX-License-Identifier: MIT */
/*
 * Quotas: how many frames a process may hold. Charged before memory is taken, given back when it is freed;
 * what is charged remembers the quota, which lives as long as anything charged to it.
 */
#pragma once

#include <quire/types.h>

#define QUOTA_FRAME_SHIFT 24

struct quota {
    u64 word;  /* frames in use << 24 | references; the struct lives while it isn't 0 */
    u64 limit; /* frames << 24 | all ones, so that the word itself is compared */
};

struct quota *quota_create(u64 limit_frames); /* NULL: no memory */
void quota_get(struct quota *q);
void quota_put(struct quota *q);
/* Charge nr frames; false: that would go over the limit, nothing is charged. NULL never refuses. */
static inline bool quota_charge(struct quota *q, u64 nr)
{
    nr <<= QUOTA_FRAME_SHIFT;
    if (!q || likely(__atomic_add_fetch(&q->word, nr, __ATOMIC_RELAXED) <= q->limit))
        return true;
    __atomic_sub_fetch(&q->word, nr, __ATOMIC_RELAXED);
    return false;
}
void quota_uncharge(struct quota *q, u64 nr);
u64 quota_used(const struct quota *q);
static inline u64 quota_limit(const struct quota *q) { return q->limit >> QUOTA_FRAME_SHIFT; }
