/* SPDX-License-Identifier: MIT */
/*
 * What system calls do with memory objects: see <quire/memory.h>. Pages are copied one by one. A reference to the page's
 * folio keeps its frame meanwhile; no lock is held, because the caller's memory may fault.
 */
#include <quire/memory.h>
#include <quire/cacheflush.h>
#include <quire/errno.h>
#include <quire/folio_trim.h>
#include <quire/frame_access.h>
#include <quire/memobj.h>
#include <quire/string.h>
#include <quire/upcalls.h>

static bool size_ok(u64 bytes) { return bytes <= USER_TOP && DIV_ROUND_UP(bytes, PAGE_SIZE) <= memory.nr_frames; }

struct memory_object *memory_object_create(u64 bytes, bool large, int *err)
{
    *err = -EINVAL;
    if (!bytes || !size_ok(bytes))
        return NULL;
    *err = -ENOMEM;
    struct memory_object *m = object_alloc(OBJECT_MEMORY, sizeof(*m));
    if (!m)
        return NULL;
    m->memobj = memobj_create(MEMOBJ_BACKED, DIV_ROUND_UP(bytes, PAGE_SIZE), m->object.quota);
    if (!m->memobj) {
        object_free(&m->object);
        return NULL;
    }
    m->memobj->large = large;
    *err = 0;
    return m;
}

/* --- one page ---------------------------------------------------------------------------------- */
struct page {
    pfn_t pfn;
    struct folio *folio; /* with a reference; NULL: the object has no frame there, so the page is zeros */
    struct frame_access access;
};

static void page_put(struct page *p)
{
    if (!p->folio)
        return;
    frame_access_end(&p->access);
    folio_put(p->folio);
}

/* Finds the frame of a page; with `make` there will be one. -EINVAL: behind the end; -ENOMEM, -EHWPOISON, -EACCES. */
static int page_get(struct memobj *obj, u64 index, bool make, struct page *p)
{
    do
        p->folio = make ? memobj_folio(obj, index) : memobj_find(obj, index);
    while (!p->folio && make && index < READ_ONCE(obj->nr_pages) && folios_trim_for(obj->quota));
    if (!p->folio)
        return index >= READ_ONCE(obj->nr_pages) ? -EINVAL : make ? -ENOMEM : 0;
    p->pfn = p->folio->pfn + (index - p->folio->index);
    int err = frame_access_begin(&p->access, p->pfn);
    if (err)
        folio_put(p->folio);
    return err;
}

/* --- between an object and a program ------------------------------------------------------------- */
static int zeros_out(struct user_window *own, size_t n)
{
    static const u8 zeros[256];
    int err = 0;

    for (size_t done = 0; !err && done < n; done += sizeof(zeros))
        err = window_out(own, zeros, MIN(n - done, sizeof(zeros)));
    return err;
}

/* n bytes of one page, from `at` on. */
static int copy_piece(struct memobj *obj, u64 at, struct user_window *own, size_t n, bool write)
{
    struct user_window mine = *own;
    struct page p;
    int err = page_get(obj, at >> PAGE_SHIFT, write, &p);

    if (err)
        return err;
    u8 *bytes = p.folio ? (u8 *)p.access.address + at % PAGE_SIZE : NULL;
    if (write) {
        err = window_in(bytes, &mine, n);
        flush_dcache_page(p.pfn); /* also if only a part could be read */
    } else {
        err = bytes ? window_out(&mine, bytes, n) : zeros_out(&mine, n);
    }
    page_put(&p);
    if (!err)
        *own = mine;
    return err;
}

s64 memory_object_copy(struct memory_object *m, u64 offset, struct user_window *own, bool write)
{
    struct memobj *obj = m->memobj;
    u64 size = READ_ONCE(obj->nr_pages) << PAGE_SHIFT, done = 0;

    if (offset > size)
        return -EINVAL;
    u64 all = MIN(own->left, size - offset);
    while (done < all) {
        u64 at = offset + done, n = MIN(all - done, PAGE_SIZE - at % PAGE_SIZE);
        int err = copy_piece(obj, at, own, n, write);
        if (!err) {
            done += n;
            err = preempt_point() ? -EINTR : 0;
        }
        if (err)
            return done ? (s64)done : err;
    }
    return (s64)all;
}

/* --- size ---------------------------------------------------------------------------------------- */
int memory_object_resize(struct memory_object *m, u64 bytes)
{
    if (!size_ok(bytes))
        return -EINVAL;
    memobj_resize(m->memobj, DIV_ROUND_UP(bytes, PAGE_SIZE));
    return 0;
}

/* --- between two objects ------------------------------------------------------------------------- */
static int copy_page(struct memobj *to, u64 index, struct memobj *from, u64 from_index)
{
    struct page source, copy;
    int err = page_get(from, from_index, false, &source);

    if (err || !source.folio)
        return err;
    err = page_get(to, index, true, &copy);
    if (!err) {
        memcpy(copy.access.address, source.access.address, PAGE_SIZE);
        flush_dcache_page(copy.pfn);
        page_put(&copy);
    }
    page_put(&source);
    return err;
}

/* Pages [first, first + nr) of `from` become the first pages of `to`. Pages without a frame have none in the copy. */
static int copy_pages(struct memobj *to, struct memobj *from, u64 first, u64 nr)
{
    int err = 0;

    for (u64 i = first; !err && (i = memobj_next(from, i)) - first < nr; i++) {
        err = copy_page(to, i - first, from, i);
        if (preempt_point())
            err = -EINTR;
    }
    return err;
}

struct memory_object *memory_object_clone(struct memory_object *m, u64 offset, u64 bytes, int *err)
{
    u64 size = READ_ONCE(m->memobj->nr_pages) << PAGE_SHIFT;

    *err = -EINVAL;
    if (!IS_ALIGNED(offset, PAGE_SIZE) || offset > size || bytes > size - offset)
        return NULL;
    struct memory_object *copy = memory_object_create(bytes, m->memobj->large, err);
    if (!copy)
        return NULL;
    *err = copy_pages(copy->memobj, m->memobj, offset >> PAGE_SHIFT, DIV_ROUND_UP(bytes, PAGE_SIZE));
    if (!*err)
        return copy;
    object_put(&copy->object);
    return NULL;
}
