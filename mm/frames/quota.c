/* SPDX-License-Identifier: MIT */
/*
 * Quotas: see <quire/quota.h>. Frames in use and references are counted in one word. So the struct is freed without a
 * lock when the last frame or reference is given back and the word becomes 0.
 */
#include <quire/log.h>
#include <quire/plural.h>
#include <quire/quota.h>
#include <quire/slab.h>

struct quota *quota_create(u64 limit_frames)
{
    struct quota *q = kmalloc(sizeof(*q));

    if (!q)
        return NULL;
    *q = (struct quota){.word = 1, .limit = ((limit_frames + 1) << QUOTA_FRAME_SHIFT) - 1};
    list_init(&q->partial.folios);
    return q;
}

void quota_get(struct quota *q) { __atomic_fetch_add(&q->word, 1, __ATOMIC_RELAXED); }

static inline u64 frames_of(u64 word) { return word >> QUOTA_FRAME_SHIFT; }
static inline u64 references_of(u64 word) { return word & ((1UL << QUOTA_FRAME_SHIFT) - 1); }

static void take_off(struct quota *q, u64 what)
{
    u64 left = __atomic_sub_fetch(&q->word, what, __ATOMIC_ACQ_REL);

    DEBUG_ASSERT(left + what >= what,
                 "an account at %p gives back %lu frame%s and %lu reference%s, and has only %lu and %lu. "
                 "likely: something was charged once and given back twice",
                 (void *)q, frames_of(what), plural(frames_of(what)), references_of(what), plural(references_of(what)),
                 frames_of(left + what), references_of(left + what));
    if (left == 0)
        kfree(q);
}

void quota_put(struct quota *q) { take_off(q, 1); }

void quota_uncharge(struct quota *q, u64 nr)
{
    if (q)
        take_off(q, nr << QUOTA_FRAME_SHIFT);
}

u64 quota_used(const struct quota *q) { return READ_ONCE(q->word) >> QUOTA_FRAME_SHIFT; }

/* --- small objects ------------------------------------------------------------------------------ */
/* Frames are charged before `kept` changes, and each change of `kept` charges only its own difference. */
bool quota_keep_slow(struct quota *q, u64 bytes)
{
    u64 before = READ_ONCE(q->kept);

    for (;;) {
        u64 frames = quota_frames_of(before + bytes) - quota_frames_of(before);
        if (frames && !quota_charge(q, frames))
            return false;
        if (__atomic_compare_exchange_n(&q->kept, &before, before + bytes, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
        if (frames)
            quota_uncharge(q, frames);
    }
}

void *quota_kmalloc(struct quota *q, size_t bytes)
{
    if (!quota_keep(q, bytes))
        return NULL;
    void *p = kmalloc(bytes);
    if (!p)
        quota_let_go(q, bytes);
    return p;
}

void quota_kfree(struct quota *q, void *p, size_t bytes)
{
    if (!p)
        return;
    kfree(p);
    quota_let_go(q, bytes);
}
