/* SPDX-License-Identifier: MIT */
/*
 * Quotas: how many frames a process may hold. Charged before memory is taken, given back when it is freed;
 * what is charged remembers the quota, which lives as long as anything charged to it.
 *
 * Whatever a program makes the kernel keep is charged: frames of folios and page tables by the frame; areas, memory
 * objects and the nodes of their trees by the byte (quota_keep), all bytes of a quota together rounded up to frames.
 * The descriptor of a folio, a page table or a hole isn't charged by itself: each belongs to a frame that is, so all
 * of them together are at most sizeof(struct folio) / 4,096, a fortieth, of what is charged.
 */
#pragma once

#include <quire/list.h>
#include <quire/types.h>

#define QUOTA_FRAME_SHIFT 24

/*
 * An account's folios that are mapped only in part, and its place among the accounts that have some:
 * mm/folios/folio_trim.c.
 */
struct partial_folios {
    struct list folios, turn;
    u64 nr;
};

struct quota {
    u64 word;  /* frames in use << 24 | references; the struct lives while it isn't 0 */
    u64 limit; /* frames << 24 | all ones, so that the word itself is compared */
    u64 kept;  /* bytes of small objects; the frames that they fill are in word */
    struct partial_folios partial;
};

struct quota *quota_create(u64 limit_frames); /* NULL: no memory */
void quota_get(struct quota *q);
void quota_put(struct quota *q);
/* Charge nr frames; false: that would go over the limit, nothing is charged. NULL never refuses. */
static inline bool quota_charge(struct quota *q, u64 nr)
{
    if (!q)
        return true;
    u64 word = READ_ONCE(q->word), more = nr << QUOTA_FRAME_SHIFT;
    do { /* never above the limit, not even for a moment: somebody else's small request would be refused meanwhile */
        if (unlikely(word + more > q->limit))
            return false;
    } while (!__atomic_compare_exchange_n(&q->word, &word, word + more, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}
void quota_uncharge(struct quota *q, u64 nr);
/*
 * The same for `bytes` of an object that shares a frame with others: what SLAB_COST() says. Mostly the frame is one
 * that is charged already.
 */
static inline u64 quota_frames_of(u64 bytes) { return (bytes + (1UL << 12) - 1) >> 12; }
bool quota_keep_slow(struct quota *q, u64 bytes);
static inline bool quota_keep(struct quota *q, u64 bytes)
{
    u64 before = q ? READ_ONCE(q->kept) : 0;

    return !q ||
           likely(quota_frames_of(before + bytes) == quota_frames_of(before) &&
                  __atomic_compare_exchange_n(&q->kept, &before, before + bytes, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) ||
           quota_keep_slow(q, bytes);
}
static inline void quota_let_go(struct quota *q, u64 bytes)
{
    u64 left = q ? __atomic_sub_fetch(&q->kept, bytes, __ATOMIC_RELAXED) : 0;
    u64 frames = quota_frames_of(left + bytes) - quota_frames_of(left);

    if (q && unlikely(frames))
        quota_uncharge(q, frames);
}
u64 quota_used(const struct quota *q);
static inline u64 quota_limit(const struct quota *q) { return q->limit >> QUOTA_FRAME_SHIFT; }
