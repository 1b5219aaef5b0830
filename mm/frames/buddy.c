/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator (Knowlton 1965; Knuth, TAOCP 2.5). The word of a free frame:
 *
 *   63..37 next block | 36..10 previous block | 9 head | 8..4 order | 3..0 MEMDESC_BUDDY
 *
 * Only the first frame of a block (its head) uses order and links; the word of every other free frame says "BUDDY, not
 * a head". Frame numbers have 27 bits, which is enough for 512 GiB; a link of all ones ends a list.
 *
 * Invariants, under b->lock: a block is aligned to its size; if two buddies of one order are free, they have been
 * joined; free_blocks and nr_free agree with the lists.
 */
#include <quire/buddy.h>
#include <quire/frame_cache.h>
#include <quire/log.h>
#include <quire/slab.h>

#define LINK_BITS 27
#define LINK_END ((1UL << LINK_BITS) - 1)
#define ORDER_SHIFT 4
#define HEAD_BIT (1UL << 9)
#define PREV_SHIFT 10
#define NEXT_SHIFT (PREV_SHIFT + LINK_BITS)
#define INSIDE ((memdesc_t)MEMDESC_BUDDY)

struct buddy buddy;
LOCK_ORDER_STATIC(18, buddy.lock);

static memdesc_t make_head(unsigned order, pfn_t prev, pfn_t next)
{
    return MEMDESC_BUDDY | HEAD_BIT | (memdesc_t)order << ORDER_SHIFT | prev << PREV_SHIFT | next << NEXT_SHIFT;
}
static bool is_head(memdesc_t w) { return memdesc_type(w) == MEMDESC_BUDDY && w & HEAD_BIT; }
static unsigned order_of(memdesc_t w) { return w >> ORDER_SHIFT & 31; }
static pfn_t prev_of(memdesc_t w) { return w >> PREV_SHIFT & LINK_END; }
static pfn_t next_of(memdesc_t w) { return w >> NEXT_SHIFT; }

/* Words are written under the lock; a look-up of a frame reads them without it. */
static void set_word(struct buddy *b, pfn_t pfn, memdesc_t word) { WRITE_ONCE(b->words[pfn], word); }

static void set_prev(struct buddy *b, pfn_t pfn, pfn_t prev)
{
    set_word(b, pfn, (b->words[pfn] & ~(LINK_END << PREV_SHIFT)) | prev << PREV_SHIFT);
}
static void set_next(struct buddy *b, pfn_t pfn, pfn_t next)
{
    set_word(b, pfn, (b->words[pfn] & ~(LINK_END << NEXT_SHIFT)) | next << NEXT_SHIFT);
}

static void push(struct buddy *b, pfn_t pfn, unsigned order)
{
    pfn_t next = b->head[order];

    set_word(b, pfn, make_head(order, LINK_END, next));
    if (next != LINK_END)
        set_prev(b, next, pfn);
    b->head[order] = pfn;
    b->free_blocks[order]++;
}

/* Takes a block out of its list; its head's word becomes INSIDE. */
static void unlink(struct buddy *b, pfn_t pfn)
{
    memdesc_t w = b->words[pfn];
    unsigned order = order_of(w);

    if (prev_of(w) == LINK_END)
        b->head[order] = next_of(w);
    else
        set_next(b, prev_of(w), next_of(w));
    if (next_of(w) != LINK_END)
        set_prev(b, next_of(w), prev_of(w));
    set_word(b, pfn, INSIDE);
    b->free_blocks[order]--;
}

void buddy_init(struct buddy *b, memdesc_t *words, pfn_t first, pfn_t end)
{
    *b = (struct buddy){.words = words, .first = first, .end = end};
    for (unsigned order = 0; order < BUDDY_NR_ORDERS; order++)
        b->head[order] = LINK_END;
}

pfn_t buddy_alloc(struct buddy *b, unsigned order)
{
    unsigned have = order;

    spin_lock(&b->lock);
    while (have < BUDDY_NR_ORDERS && b->head[have] == LINK_END)
        have++;
    if (have >= BUDDY_NR_ORDERS) {
        spin_unlock(&b->lock);
        return PFN_NONE;
    }
    pfn_t pfn = b->head[have];
    unlink(b, pfn);
    while (have > order) { /* keep the low end, give the upper halves back */
        have--;
        push(b, pfn + (1UL << have), have);
    }
    b->nr_free -= 1UL << order;
    spin_unlock(&b->lock);
    return pfn;
}

static void free_locked(struct buddy *b, pfn_t pfn, unsigned order)
{
    b->nr_free += 1UL << order;
    for (; order < BUDDY_MAX_ORDER; order++) {
        pfn_t other = pfn ^ 1UL << order;
        if (other < b->first || other + (1UL << order) > b->end)
            break;
        memdesc_t w = READ_ONCE(b->words[other]); /* the frame may have another owner, who may change the word now */
        if (!is_head(w) || order_of(w) != order)
            break;
        unlink(b, other);
        pfn &= ~(1UL << order);
    }
    push(b, pfn, order);
}

void buddy_free(struct buddy *b, pfn_t pfn, unsigned order)
{
    KASSERT(order < BUDDY_NR_ORDERS && IS_ALIGNED(pfn, 1UL << order) && pfn >= b->first &&
                pfn + (1UL << order) <= b->end,
            "buddy_free: frame 0x%lx order %u is no block of this machine", pfn, order);
    DEBUG_ASSERT(memdesc_type(b->words[pfn]) != MEMDESC_BUDDY,
                 "buddy_free: frame 0x%lx is free already (freed twice?)", pfn);
    memdesc_fill(b->words + pfn, 1UL << order, INSIDE);
    spin_lock(&b->lock);
    free_locked(b, pfn, order);
    spin_unlock(&b->lock);
}

void buddy_free_cached(struct buddy *b, pfn_t pfn, u64 nr)
{
    unsigned order = 0; /* pfn is aligned to it; the order first rises, then falls */

    spin_lock(&b->lock);
    while (nr) {
        while (order < BUDDY_MAX_ORDER && !(pfn >> order & 1) && nr >> (order + 1))
            order++;
        while (nr < 1UL << order)
            order--;
        free_locked(b, pfn, order);
        pfn += 1UL << order;
        nr -= 1UL << order;
    }
    spin_unlock(&b->lock);
}

/* The order of the largest block that begins at pfn and lies within nr frames. */
static unsigned largest_order(pfn_t pfn, u64 nr)
{
    unsigned order = BUDDY_MAX_ORDER;

    while (!IS_ALIGNED(pfn, 1UL << order) || nr < 1UL << order)
        order--;
    return order;
}

/* For boot: the words are not written yet. */
void buddy_add_range(struct buddy *b, pfn_t pfn, u64 nr)
{
    memdesc_fill(b->words + pfn, nr, INSIDE);
    while (nr) {
        unsigned order = largest_order(pfn, nr);
        free_locked(b, pfn, order);
        pfn += 1UL << order;
        nr -= 1UL << order;
    }
}

void buddy_free_range(struct buddy *b, pfn_t pfn, u64 nr)
{
    if (b == &buddy)
        frames_freed(pfn, nr);
    while (nr) {
        unsigned order = largest_order(pfn, nr);
        buddy_free(b, pfn, order);
        pfn += 1UL << order;
        nr -= 1UL << order;
    }
}

u64 buddy_block_frames(memdesc_t word) { return is_head(word) ? 1UL << order_of(word) : 1; }

bool buddy_find_block(const struct buddy *b, pfn_t pfn, pfn_t *head, unsigned *order)
{
    for (unsigned o = 0; o < BUDDY_NR_ORDERS; o++) {
        pfn_t first = ALIGN_DOWN(pfn, 1UL << o);
        if (first < b->first)
            return false;
        memdesc_t w = READ_ONCE(b->words[first]); /* the frame may have another owner, who may change the word now */
        if (is_head(w) && order_of(w) >= o) {
            *head = first;
            *order = order_of(w);
            return pfn < first + (1UL << *order);
        }
    }
    return false;
}

bool buddy_take_frame(struct buddy *b, pfn_t pfn)
{
    pfn_t head;
    unsigned order;

    spin_lock(&b->lock);
    bool found = pfn >= b->first && pfn < b->end && buddy_find_block(b, pfn, &head, &order);
    if (found) {
        unlink(b, head);
        while (order > 0) { /* give back the half without the frame, again and again */
            order--;
            pfn_t upper = head + (1UL << order);
            push(b, pfn < upper ? upper : head, order);
            head = pfn < upper ? head : upper;
        }
        b->nr_free--;
    }
    spin_unlock(&b->lock);
    return found;
}
