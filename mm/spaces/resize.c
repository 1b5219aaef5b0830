/* SPDX-License-Identifier: MIT */
/*
 * Changing the size of a memory object. The object's lock is held all the time, so no fault brings a page back: it
 * looks at the size under this lock, and maps before it lets the lock go.
 *
 * A folio that reaches over the new end stays in the object. Its frames behind the end are unmapped and zeroed: if the
 * object grows again, they are its pages again.
 */
#include <quire/memobj.h>
#include <quire/cacheflush.h>
#include <quire/rmap.h>
#include <quire/upcalls.h>
#include <arch-generic/page.h>

/* Zeroes the folio's frames from `first` on. Frames that are broken or in a hole belong to somebody else. */
static void zero_behind(struct folio *f, size_t first)
{
    for (pfn_t pfn = f->pfn + first; folio_contains(f, pfn); pfn++) {
        if (memdesc_read(pfn) != folio_word(f))
            continue;
        arch_zero(pfn_address(pfn), PAGE_SIZE);
        flush_dcache_page(pfn);
        preempt_point();
    }
}

/* Nothing maps the folio, and it is in the tree no more: the object's reference goes. */
static void let_go(struct folio *f)
{
    spin_lock(&f->lock); /* folio_owner_get() may be reading the owner */
    f->owner = NULL;
    spin_unlock(&f->lock);
    folio_put(f);
}

/* Takes away all pages from `end` on. */
static void cut(struct memobj *obj, u64 end)
{
    struct folio *f;

    for (u64 i = end; (i = radix_next(&obj->folios, i, (void **)&f)) != ~0UL;) {
        u64 index = f->index, nr = folio_nr_pages(f);
        size_t first = i - index;
        rmap_unmap_locked(obj, f, first, nr - first);
        if (first) {
            zero_behind(f, first);
        } else {
            for (u64 page = index; page < index + nr; page++)
                radix_set(&obj->folios, page, NULL);
            let_go(f);
        }
        i = index + nr;
        preempt_point();
    }
}

void memobj_resize(struct memobj *obj, u64 nr_pages)
{
    mutex_lock(&obj->lock);
    u64 before = obj->nr_pages;
    WRITE_ONCE(obj->nr_pages, nr_pages);
    if (nr_pages < before)
        cut(obj, nr_pages);
    mutex_unlock(&obj->lock);
}
