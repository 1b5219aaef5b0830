/* SPDX-License-Identifier: MIT */
/*
 * Areas: what a range of an address space should contain. They never overlap; the tree's key is their start. Every
 * caller holds mm->areas_lock.
 */
#include <quire/mm.h>
#include <quire/block.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/upcalls.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include "areas.h"

static SLAB_CACHE(area_cache, vma, obj_link, false);

struct vma *area_at_or_above(struct mm *mm, vaddr_t addr)
{
    struct tree_node *below = tree_at_or_below(&mm->areas, addr);

    if (below && container_of(below, struct vma, node)->end > addr)
        return container_of(below, struct vma, node);
    struct tree_node *above = below ? tree_next(below) : tree_first(&mm->areas);
    return above ? container_of(above, struct vma, node) : NULL;
}

struct vma *area_find_slow(struct mm *mm, vaddr_t addr)
{
    struct tree_node *below = tree_at_or_below(&mm->areas, addr);
    struct vma *vma = below ? container_of(below, struct vma, node) : NULL;

    if (!vma || vma->end <= addr)
        return NULL;
    WRITE_ONCE(mm->last_found, vma); /* several readers may write it at once: each of their areas is right */
    return vma;
}

struct vma *area_next(struct vma *vma)
{
    struct tree_node *next = tree_next(&vma->node);
    return next ? container_of(next, struct vma, node) : NULL;
}

struct vma *area_step(struct vma *vma)
{
    preempt_point();
    return area_next(vma);
}

struct vma *area_new(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot, unsigned flags)
{
    if (!quota_keep(mm->quota, SLAB_COST(vma)))
        return NULL;
    struct vma *vma = slab_alloc(&area_cache);

    if (!vma) {
        quota_let_go(mm->quota, SLAB_COST(vma));
        return NULL;
    }
    vma->mm = mm;
    vma->start = start;
    vma->end = end;
    vma->prot = prot;
    vma->flags = flags;
    list_init(&vma->obj_link);
    list_init(&vma->anon_link);
    return vma;
}

static void forget(struct vma *vma)
{
    quota_let_go(vma->mm->quota, SLAB_COST(vma));
    slab_free(&area_cache, vma);
}

void area_discard(struct vma *vma)
{
    if (vma->obj)
        memobj_put(vma->obj);
    if (vma->anon)
        memobj_put(vma->anon);
    forget(vma);
}

static void link_object(struct memobj *obj, struct list *link)
{
    if (!obj)
        return;
    mutex_lock(&obj->lock);
    list_push_back(&obj->areas, link);
    mutex_unlock(&obj->lock);
}

static void unlink_object(struct memobj *obj, struct list *link)
{
    if (!obj)
        return;
    mutex_lock(&obj->lock);
    list_remove(link);
    mutex_unlock(&obj->lock);
    memobj_put(obj);
}

/*
 * Locks the list of areas that show this area's hole, and returns the hole's folio, whose lock that is. NULL: the area
 * shows no hole, or the hole has closed. Only the area's entries hold references to the hole, so the area is read again
 * under the lock. The descriptors of hole and folio are typed memory.
 */
static struct folio *lock_hole(struct vma *vma)
{
    struct insecure_mem *h;

    while ((h = __atomic_load_n(&vma->hole, __ATOMIC_ACQUIRE)) != NULL) { /* NULL: close_hole() is done with the area */
        struct folio *f = h->folio;
        spin_lock(&f->lock);
        if (likely(vma->hole == h))
            return f;
        spin_unlock(&f->lock);
    }
    return NULL;
}

static void unlink_hole(struct vma *vma)
{
    struct folio *f = lock_hole(vma);

    if (!f)
        return;
    list_remove(&vma->obj_link);
    spin_unlock(&f->lock);
}

/* Puts the area into the tree and its objects' lists. It owns a reference to each object already. */
int area_insert(struct vma *vma)
{
    if (!tree_insert(&vma->mm->areas, &vma->node, vma->start))
        return -EEXIST;
    link_object(vma->obj, &vma->obj_link);
    link_object(vma->anon, &vma->anon_link);
    return 0;
}

/* Takes the area out of the tree and frees it; nothing of it is mapped any more. */
void area_free(struct vma *vma)
{
    vma->mm->last_found = NULL;
    tree_remove(&vma->mm->areas, &vma->node);
    unlink_object(vma->obj, &vma->obj_link);
    unlink_object(vma->anon, &vma->anon_link);
    unlink_hole(vma);
    forget(vma);
}

/* Several CPUs may call this at once, because the read lock is enough: only one of their objects is used. */
__noinline struct memobj *area_make_anon(struct vma *vma)
{
    struct memobj *fresh = memobj_create(MEMOBJ_ANON, 0, vma->mm->quota), *first = NULL;
    if (!fresh)
        return NULL;
    mutex_lock(&fresh->lock); /* so that nobody walks the object's list before the area is in it */
    if (__atomic_compare_exchange_n(&vma->anon, &first, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        list_push_back(&fresh->areas, &vma->anon_link);
        mutex_unlock(&fresh->lock);
        return fresh;
    }
    mutex_unlock(&fresh->lock);
    memobj_put(fresh);
    return first;
}

/* Locks the area's objects. Also locks the hole's list; returns its folio for unlock_owners(). */
static struct folio *lock_owners(struct vma *vma)
{
    if (vma->obj)
        mutex_lock(&vma->obj->lock);
    if (vma->anon)
        mutex_lock(&vma->anon->lock);
    return lock_hole(vma);
}

static void unlock_owners(struct vma *vma, struct folio *holed)
{
    if (holed)
        spin_unlock(&holed->lock);
    if (vma->anon)
        mutex_unlock(&vma->anon->lock);
    if (vma->obj)
        mutex_unlock(&vma->obj->lock);
}

/* The key stays between the neighbours' keys, so the tree stays the same. Reverse-map walks need the owners' locks. */
void area_grow_down(struct vma *vma, vaddr_t start)
{
    struct folio *holed = lock_owners(vma);
    vma->start = start;
    vma->node.key = start;
    unlock_owners(vma, holed);
}

void area_grow_up(struct vma *vma, vaddr_t end)
{
    struct folio *holed = lock_owners(vma);
    vma->end = end;
    unlock_owners(vma, holed);
}

/*
 * Cuts an area in two at `at`, which lies inside it. A reverse-map walk holds the owner's lock, and must see the whole
 * area or both halves: pages that it misses would stay mapped.
 */
int area_split(struct vma *vma, vaddr_t at)
{
    struct vma *high = area_new(vma->mm, at, vma->end, vma->prot, vma->flags);

    if (!high)
        return -ENOMEM;
    block_split_inside(vma->mm, at);
    high->offset = vma->offset + ((at - vma->start) >> PAGE_SHIFT);
    high->obj = vma->obj;
    high->anon = vma->anon;
    if (high->obj)
        memobj_get(high->obj);
    if (high->anon)
        memobj_get(high->anon);
    struct folio *holed = lock_owners(vma);
    vma->end = at;
    tree_insert(&vma->mm->areas, &high->node, at);
    if (high->obj)
        list_push_back(&high->obj->areas, &high->obj_link);
    if (high->anon)
        list_push_back(&high->anon->areas, &high->anon_link);
    if (holed) {
        high->hole = vma->hole;
        list_push_back(&high->hole->areas, &high->obj_link);
    }
    unlock_owners(vma, holed);
    return 0;
}
