/* SPDX-License-Identifier: MIT */
/*
 * Quotas, also called accounts: how many frames a process may hold. A frame is charged before it is taken, and the
 * charge ends when the frame is freed. Each charged object remembers its quota, and a quota lives as long as anything
 * is charged to it.
 *
 * Everything that a program makes the kernel keep is charged. Folios and page tables are charged by the frame. Areas,
 * memory objects and the nodes of their trees are charged by the byte (quota_keep); the sum of a quota's bytes is
 * rounded up to frames.
 * The descriptor of a folio, a page table or a hole isn't charged by itself: each belongs to a frame that is charged,
 * so all of them together are at most sizeof(struct folio) / 4,096, a fortieth, of the charge.
 */
#pragma once

#include <quire/list.h>
#include <quire/types.h>

#define QUOTA_FRAME_SHIFT 24

/*
 * An account's folios that are mapped only in part, and its place among the accounts that have some:
 * mm/parts/folio_trim.c.
 */
struct partial_folios {
    struct list folios, turn;
    u64 nr;
};

struct quota {
    u64 word;  /* frames in use << 24 | references; the struct lives while it isn't 0 */
    u64 limit; /* frames << 24 | all ones, so that it can be compared with `word` directly */
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
    do { /* never above the limit, not even for a moment: another CPU's small request would be refused meanwhile */
        if (unlikely(word + more > q->limit))
            return false;
    } while (!__atomic_compare_exchange_n(&q->word, &word, word + more, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}
void quota_uncharge(struct quota *q, u64 nr);
/*
 * The same for an object that shares a frame with others; `bytes` is SLAB_COST(). Mostly the bytes fit into a frame
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
/*
 * kmalloc() that an account pays for: zeroed memory; NULL: no memory, or the account is full. quota_kfree() takes the
 * same size back, and may free the account. A null q pays nothing; a null pointer is fine.
 */
void *quota_kmalloc(struct quota *q, size_t bytes);
void quota_kfree(struct quota *q, void *p, size_t bytes);
u64 quota_used(const struct quota *q);
static inline u64 quota_limit(const struct quota *q) { return q->limit >> QUOTA_FRAME_SHIFT; }
