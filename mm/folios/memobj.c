/* SPDX-License-Identifier: MIT */
/* Memory objects: see <quire/memobj.h>. */
#include <quire/memobj.h>
#include <quire/block.h>
#include <quire/errno.h>
#include <quire/upcalls.h>
#include <quire/quota.h>
#include <quire/slab.h>

static SLAB_CACHE(memobj_cache, memobj, areas, false);
LOCK_ORDER_NESTS(5, memobj_cache, memobj, lock.sem.word); /* an area's object, then its private owner */

struct memobj *memobj_create(enum memobj_kind kind, u64 nr_pages, struct quota *quota)
{
    if (!quota_keep(quota, SLAB_COST(memobj)))
        return NULL;
    struct memobj *obj = slab_alloc(&memobj_cache);

    if (!obj) {
        quota_let_go(quota, SLAB_COST(memobj));
        return NULL;
    }
    obj->refs = 1;
    obj->kind = kind;
    obj->nr_pages = nr_pages;
    mutex_init(&obj->lock);
    list_init(&obj->areas);
    obj->quota = obj->folios.quota = quota;
    if (quota)
        quota_get(quota);
    return obj;
}

bool memobj_try_get(struct memobj *obj) { return refs_get_unless_zero(&obj->refs); }

struct memobj *folio_owner_get(struct folio *f)
{
    spin_lock(&f->lock);
    struct memobj *owner = f->owner;
    if (owner && !memobj_try_get(owner))
        owner = NULL;
    spin_unlock(&f->lock);
    return owner;
}

void memobj_put_many(struct memobj *obj, u32 nr)
{
    if (!obj || !refs_put(&obj->refs, nr, "memory object", obj))
        return;
    struct folio *f;
    /* visits only folios that exist, not every possible index */
    for (u64 i = 0; (i = radix_next(&obj->folios, i, (void **)&f)) != ~0UL;) {
        i += folio_nr_pages(f);
        spin_lock(&f->lock); /* rmap_walk() may be reading the owner */
        f->owner = NULL;
        spin_unlock(&f->lock);
        folio_put(f);
        preempt_point(); /* a private object, which may be freed under any lock, has no folios and never comes here */
    }
    radix_destroy(&obj->folios);
    if (obj->pager)
        pager_put(obj->pager);
    if (obj->quota) {
        quota_let_go(obj->quota, SLAB_COST(memobj));
        quota_put(obj->quota);
    }
    slab_free(&memobj_cache, obj);
}

static int add_locked(struct memobj *obj, u64 index, struct folio *f)
{
    u64 nr = folio_nr_pages(f), done = 0;

    for (u64 i = 0; i < nr; i++)
        if (radix_get(&obj->folios, index + i))
            return -EEXIST;
    while (done < nr && radix_set(&obj->folios, index + done, f) == 0)
        done++;
    if (done < nr) {
        while (done-- > 0)
            radix_set(&obj->folios, index + done, NULL);
        return -ENOMEM;
    }
    spin_lock(&f->lock); /* whoever changes the folio's words has read "no owner" before, or finds all mappings */
    f->owner = obj;
    f->index = index;
    spin_unlock(&f->lock);
    return 0;
}

int memobj_add_folio(struct memobj *obj, u64 index, struct folio *f)
{
    mutex_lock(&obj->lock);
    bool inside = obj->kind == MEMOBJ_BACKED && index < obj->nr_pages && folio_nr_pages(f) <= obj->nr_pages - index;
    int err = inside ? add_locked(obj, index, f) : -EINVAL;
    mutex_unlock(&obj->lock);
    return err;
}

/* Whether pages [index, index + nr) are inside the object and have no folio. They lie in one leaf of the tree. */
static bool block_is_free(const struct memobj *obj, u64 index, u64 nr)
{
    void *const *slot = radix_slots(&obj->folios, index);

    if (nr > obj->nr_pages || index > obj->nr_pages - nr)
        return false;
    for (u64 i = 0; slot && i < nr; i++)
        if (slot[i])
            return false;
    return true;
}

/* The same for so many pages that they lie in several leaves. */
static bool large_is_free(const struct memobj *obj, u64 index, u64 nr)
{
    void *folio;

    return nr <= obj->nr_pages && index <= obj->nr_pages - nr && radix_next(&obj->folios, index, &folio) - index >= nr;
}

/* A new zeroed folio for page `index` and its neighbours; NULL: no memory. */
static struct folio *new_folio(struct memobj *obj, u64 index, unsigned order)
{
    if (!quota_charge(obj->quota, 1UL << order))
        return NULL;
    struct folio *f = folio_make(order, FOLIO_ZERO);
    if (!f) {
        quota_uncharge(obj->quota, 1UL << order);
        return NULL;
    }
    f->quota = obj->quota;
    if (add_locked(obj, index >> order << order, f)) {
        folio_free(f);
        return NULL;
    }
    folio_publish(f, FOLIO_REFERENCE);
    return f;
}

struct folio *memobj_folio_locked(struct memobj *obj, u64 index)
{
    struct folio *f = radix_get(&obj->folios, index);

    if (f || obj->pager)
        return f;
    if (obj->large && large_is_free(obj, ALIGN_DOWN(index, BLOCK_FRAMES), BLOCK_FRAMES))
        f = new_folio(obj, index, BLOCK_ORDER);
    /* Whoever uses one page probably uses the next: make the whole block of default size, if it has no folio yet. */
    if (!f && block_is_free(obj, ALIGN_DOWN(index, 1UL << FOLIO_DEFAULT_ORDER), 1UL << FOLIO_DEFAULT_ORDER))
        f = new_folio(obj, index, FOLIO_DEFAULT_ORDER);
    return f ? f : new_folio(obj, index, 0);
}

struct folio *memobj_make_page(struct memobj *obj, unsigned flags)
{
    if (!quota_charge(obj->quota, 1))
        return NULL;
    struct folio *f = folio_make(0, flags);
    if (!f) {
        quota_uncharge(obj->quota, 1);
        return NULL;
    }
    f->quota = obj->quota;
    folio_publish(f, FOLIO_REFERENCE);
    return f;
}

struct folio *const *memobj_slots(const struct memobj *obj, u64 index)
{
    return (struct folio *const *)radix_slots(&obj->folios, index);
}

struct folio *memobj_folio(struct memobj *obj, u64 index)
{
    mutex_lock(&obj->lock);
    struct folio *f = index < obj->nr_pages ? memobj_folio_locked(obj, index) : NULL;
    if (f)
        folio_get(f);
    mutex_unlock(&obj->lock);
    return f;
}

struct folio *memobj_find(struct memobj *obj, u64 index)
{
    mutex_lock(&obj->lock);
    struct folio *f = index < obj->nr_pages ? radix_get(&obj->folios, index) : NULL;
    if (f)
        folio_get(f);
    mutex_unlock(&obj->lock);
    return f;
}

u64 memobj_next(struct memobj *obj, u64 index)
{
    void *folio;

    mutex_lock(&obj->lock);
    index = radix_next(&obj->folios, index, &folio);
    index = index < obj->nr_pages ? index : ~0UL;
    mutex_unlock(&obj->lock);
    return index;
}
