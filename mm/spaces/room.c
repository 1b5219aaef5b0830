/* SPDX-License-Identifier: MIT */
/*
 * Finding room for an area. Unless the caller insists (MAP_FIXED), new memory never covers an area or a stack's guard
 * gap. As long as there is other room, it doesn't go where a stack may still grow. A new stack also leaves a gap below
 * itself. Every caller holds mm->areas_lock.
 */
#include <quire/mm.h>
#include "areas.h"

#define MMAP_BASE (1UL << 32) /* the first address for mappings that don't say where */

struct room {
    size_t len, align;
    size_t below; /* bytes kept free below: a new stack's guard gap */
    bool spare_stacks;
};

/* Where the area begins, including what it claims below itself. */
static vaddr_t claim_of(const struct mm *mm, struct vma *vma, const struct room *room)
{
    if (!(vma->flags & VMA_STACK))
        return vma->start;
    vaddr_t start = room->spare_stacks ? MIN(stack_lowest(mm, vma), vma->start) : vma->start;
    return start > STACK_GUARD_GAP ? start - STACK_GUARD_GAP : 0;
}

/*
 * `next`: the first area that ends above `at`; `at` isn't inside the area below. To know what a stack claims, all its
 * pieces have to be looked at. That happens only for its lowest piece, because no other piece has room before it.
 */
static bool fits(const struct mm *mm, vaddr_t at, struct vma *next, const struct room *room)
{
    vaddr_t limit = next ? next->start : USER_TOP;

    if (at > limit || limit - at < room->len)
        return false;
    limit = next ? claim_of(mm, next, room) : limit;
    return at <= limit && limit - at >= room->len;
}

/* Whether memory may go exactly there. */
static bool room_at(struct mm *mm, vaddr_t at, const struct room *room)
{
    if (!IS_ALIGNED(at, PAGE_SIZE) || !user_range_ok(at, room->len) || at < PAGE_SIZE + room->below)
        return false;
    return fits(mm, at, area_at_or_above(mm, at - room->below), room);
}

static vaddr_t find_gap(struct mm *mm, vaddr_t from, const struct room *room)
{
    vaddr_t at = ALIGN_UP(from, room->align);

    for (struct vma *vma = area_at_or_above(mm, at - room->below); vma; vma = area_next(vma)) {
        if (fits(mm, at, vma, room))
            break;
        if (preempt_point())
            return 0;
        at = MAX(at, ALIGN_UP(vma->end + room->below, room->align));
    }
    return user_range_ok(at, room->len) ? at : 0;
}

vaddr_t choose_address(struct mm *mm, vaddr_t hint, size_t len, unsigned flags)
{
    /* Large mappings get an alignment that blocks and default folios fit. */
    struct room room = {
        .len = len,
        .align = len >= 2 * MiB ? 2 * MiB : len >= 64 * KiB ? 64 * KiB : PAGE_SIZE,
        .below = flags & MAP_GROWSDOWN ? STACK_GUARD_GAP : 0,
        .spare_stacks = true,
    };

    if (hint && room_at(mm, hint, &room))
        return hint;
    vaddr_t at = find_gap(mm, MMAP_BASE, &room);
    room.spare_stacks = false;
    at = at ? at : find_gap(mm, MMAP_BASE, &room);
    room.align = PAGE_SIZE;
    return at ? at : find_gap(mm, PAGE_SIZE * 16, &room);
}

bool range_is_free(struct mm *mm, vaddr_t addr, size_t len)
{
    struct vma *vma = area_at_or_above(mm, addr);
    return !vma || vma->start >= addr + len;
}
