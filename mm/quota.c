/* SPDX-License-Identifier: MIT */
/* Quotas: see <quire/quota.h>. Lock-free; a reference per charge keeps the struct alive. */
#include <quire/quota.h>
#include <quire/slab.h>

struct quota *quota_create(u64 limit_frames)
{
    struct quota *q = kmalloc(sizeof(*q));

    if (q)
        *q = (struct quota){.refs = 1, .limit = limit_frames};
    return q;
}

void quota_get(struct quota *q) { __atomic_fetch_add(&q->refs, 1, __ATOMIC_RELAXED); }

void quota_put(struct quota *q)
{
    if (__atomic_sub_fetch(&q->refs, 1, __ATOMIC_ACQ_REL) == 0)
        kfree(q);
}

bool quota_charge(struct quota *q, u64 nr)
{
    if (!q)
        return true;
    u64 used = __atomic_add_fetch(&q->used, nr, __ATOMIC_RELAXED);
    if (used > q->limit) {
        __atomic_sub_fetch(&q->used, nr, __ATOMIC_RELAXED);
        return false;
    }
    if (used > q->peak)
        q->peak = used; /* a racing lower value only makes the statistic late */
    quota_get(q);
    return true;
}

void quota_uncharge(struct quota *q, u64 nr)
{
    if (!q)
        return;
    __atomic_sub_fetch(&q->used, nr, __ATOMIC_RELAXED);
    quota_put(q);
}
