/* SPDX-License-Identifier: MIT */
/*
 * What system calls do with memory objects: see <quire/memory.h>. Pages are copied one by one. A reference to the
 * page's folio keeps its frame meanwhile; no lock is held, because the caller's memory may fault.
 */
#include <quire/memory.h>
#include <quire/cacheflush.h>
#include <quire/errno.h>
#include <quire/exec_pfn.h>
#include <quire/folio_trim.h>
#include <quire/frame_access.h>
#include <quire/memobj.h>
#include <quire/pgtable.h>
#include <quire/string.h>
#include <quire/upcalls.h>

static bool size_ok(u64 bytes) { return bytes <= USER_TOP && DIV_ROUND_UP(bytes, PAGE_SIZE) <= memory.nr_frames; }

/* The object and its memobj. NULL: *err is -ENOMEM. */
static struct memory_object *create(enum memobj_kind kind, u64 nr_pages, int *err)
{
    struct memory_object *m = object_alloc(OBJECT_MEMORY, sizeof(*m));

    *err = -ENOMEM;
    if (!m)
        return NULL;
    m->memobj = memobj_create(kind, nr_pages, m->object.quota);
    if (!m->memobj) {
        object_free(&m->object);
        return NULL;
    }
    *err = 0;
    return m;
}

struct memory_object *memory_object_create(u64 bytes, bool large, int *err)
{
    *err = -EINVAL;
    if (!bytes || !size_ok(bytes))
        return NULL;
    struct memory_object *m = create(MEMOBJ_BACKED, DIV_ROUND_UP(bytes, PAGE_SIZE), err);
    if (m)
        m->memobj->large = large;
    return m;
}

/* --- device registers ---------------------------------------------------------------------------- */
/* Whether these frames are memory, of whatever use: 0, -EACCES. -EINTR: the caller was killed. */
static int look_for_memory(pfn_t first, pfn_t end)
{
    for (pfn_t pfn = MAX(first, memory.first); pfn < MIN(end, memory.end); pfn++) {
        if (memdesc_read(pfn) != memdesc_make_misc(MISC_ABSENT))
            return -EACCES;
        if (preempt_point())
            return -EINTR;
    }
    return 0;
}

/* Whether page-table entries can say these frame numbers. */
static bool has_addresses(pfn_t first, u64 nr)
{
    pfn_t last = first + nr - 1;

    /* With ICACHE=stale an entry for a shadow says the frame that it is the shadow of. */
    return nr && last >= first && pte_pfn(pfn_pte(last, PGPROT_KERNEL_DEVICE)) == exec_frame(last);
}

struct memory_object *memory_object_device(u64 address, u64 bytes, int *err)
{
    pfn_t first = address >> PAGE_SHIFT;
    u64 nr = bytes >> PAGE_SHIFT;

    *err = -ENODEV;
    if (!ARCH_DEVICE_REGISTERS)
        return NULL;
    *err = -EINVAL;
    if (!IS_ALIGNED(address | bytes, PAGE_SIZE) || bytes > USER_TOP || !has_addresses(first, nr))
        return NULL;
    *err = look_for_memory(first, first + nr);
    struct memory_object *m = *err ? NULL : create(MEMOBJ_DEVICE, nr, err);
    if (m)
        m->memobj->first_pfn = first;
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

/* Finds the frame of a page; with `make` there will be one. -EAGAIN: a pager has to supply it. */
static int page_get(struct memobj *obj, u64 index, bool make, struct page *p)
{
    p->folio = NULL;
    if (obj->kind != MEMOBJ_BACKED)
        return -ENODEV;
    do
        p->folio = make ? memobj_folio(obj, index) : memobj_find(obj, index);
    while (!p->folio && make && !obj->pager && index < READ_ONCE(obj->nr_pages) && folios_trim_for(obj->quota));
    if (!p->folio)
        return index >= READ_ONCE(obj->nr_pages) ? -EINVAL : obj->pager ? -EAGAIN : make ? -ENOMEM : 0;
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

/* A page that a pager hasn't supplied yet, with these bytes in it. -EEXIST: somebody else was faster. */
static int write_new(struct memobj *obj, u64 at, struct user_window *own, size_t n)
{
    struct user_window mine = *own;
    struct folio *f = memobj_make_page(obj, FOLIO_ZERO);

    if (!f)
        return -ENOMEM;
    int err = window_in((u8 *)folio_address(f) + at % PAGE_SIZE, &mine, n);
    if (!err)
        err = memobj_add_folio(obj, at >> PAGE_SHIFT, f);
    if (err)
        folio_put(f);
    else
        *own = mine;
    return err;
}

/* n bytes of one page, from `at` on. */
static int copy_piece(struct memobj *obj, u64 at, struct user_window *own, size_t n, bool write)
{
    struct user_window mine = *own;
    struct page p;
    int err = page_get(obj, at >> PAGE_SHIFT, write, &p);

    if (err == -EAGAIN && write)
        return write_new(obj, at, own, n);
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
        if (err && err != -EEXIST) /* -EEXIST: there is a page now, try again */
            return done ? (s64)done : err;
        done += err ? 0 : n;
        if (preempt_point())
            return done ? (s64)done : -EINTR;
    }
    return (s64)all;
}

bool memory_object_holds(const struct memory_object *m, u64 offset, u64 bytes)
{
    u64 size = memory_object_size(m);

    return offset <= size && bytes <= size - offset;
}

int memory_object_fetch(struct memory_object *m, u64 offset, void *to, u64 bytes)
{
    struct page p;

    for (u64 done = 0, n; done < bytes; done += n) {
        u64 at = offset + done;
        n = MIN(bytes - done, PAGE_SIZE - at % PAGE_SIZE);
        int err = page_get(m->memobj, at >> PAGE_SHIFT, false, &p);
        if (err)
            return err;
        if (p.folio)
            memcpy((u8 *)to + done, (u8 *)p.access.address + at % PAGE_SIZE, n);
        else
            memset((u8 *)to + done, 0, n);
        page_put(&p);
        if (preempt_point())
            return -EINTR;
    }
    return 0;
}

/* --- pagers --------------------------------------------------------------------------------------- */
struct memory_object *memory_object_pager(struct pager *pager, u64 bytes, int *err)
{
    struct memory_object *m = memory_object_create(bytes, false, err);

    if (m)
        m->memobj->pager = pager;
    return m;
}

/* A new page with the contents of that one. 0; the errors of page_get(). */
static int supply_page(struct memobj *to, u64 index, struct memobj *from, u64 from_index)
{
    struct folio *there = memobj_find(to, index);
    struct page source;

    if (there) {
        folio_put(there);
        return 0;
    }
    int err = page_get(from, from_index, false, &source);
    if (err)
        return err;
    struct folio *f = memobj_make_page(to, source.folio ? 0 : FOLIO_ZERO);
    if (f && source.folio)
        memcpy(folio_address(f), source.access.address, PAGE_SIZE);
    page_put(&source);
    err = f ? memobj_add_folio(to, index, f) : -ENOMEM;
    if (f && err)
        folio_put(f);
    return err == -EEXIST ? 0 : err;
}

static bool pages_inside(const struct memobj *obj, u64 offset, u64 bytes)
{
    u64 size = READ_ONCE(obj->nr_pages) << PAGE_SHIFT;

    return IS_ALIGNED(offset, PAGE_SIZE) && offset <= size && bytes <= size - offset;
}

s64 memory_object_supply(struct memory_object *m, u64 offset, struct memory_object *from, u64 from_offset, u64 bytes)
{
    if (m->memobj->kind != MEMOBJ_BACKED)
        return -ENODEV;
    if (!IS_ALIGNED(bytes, PAGE_SIZE) || !pages_inside(m->memobj, offset, bytes) ||
        !pages_inside(from->memobj, from_offset, bytes))
        return -EINVAL;
    for (u64 done = 0; done < bytes; done += PAGE_SIZE) {
        int err =
            supply_page(m->memobj, (offset + done) >> PAGE_SHIFT, from->memobj, (from_offset + done) >> PAGE_SHIFT);
        if (preempt_point())
            err = -EINTR;
        if (err)
            return done ? (s64)done : err;
    }
    return (s64)bytes;
}

/* --- size ---------------------------------------------------------------------------------------- */
u64 memory_object_size(const struct memory_object *m) { return READ_ONCE(m->memobj->nr_pages) << PAGE_SHIFT; }

int memory_object_resize(struct memory_object *m, u64 bytes)
{
    if (m->memobj->kind != MEMOBJ_BACKED || !size_ok(bytes))
        return size_ok(bytes) ? -ENODEV : -EINVAL;
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

    for (u64 i = first; !err && (i = from->pager ? i : memobj_next(from, i)) - first < nr; i++) {
        err = copy_page(to, i - first, from, i);
        if (preempt_point())
            err = -EINTR;
    }
    return err;
}

struct memory_object *memory_object_clone(struct memory_object *m, u64 offset, u64 bytes, int *err)
{
    *err = m->memobj->kind == MEMOBJ_BACKED ? -EINVAL : -ENODEV;
    if (*err == -ENODEV || !pages_inside(m->memobj, offset, bytes))
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
