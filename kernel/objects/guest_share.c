/* SPDX-License-Identifier: MIT */
/*
 * What a guest shares. Each request to share makes one hole in the guest's folio, and the host may map this hole. The
 * host only says yes or no; the ultravisor takes the answer for the guest from its own table of frames.
 *
 * A request to unshare may cover several holes side by side. They close one after the other. If somebody still holds
 * one of them, this hole and those behind it stay undecided, and the request stays pending. A hole closes only as a
 * whole: a request for a part of a hole is refused.
 *
 * One address space at a time shows a shared hole. A child of fork has the guest's handle, but not the mapping. The
 * mapping doesn't keep the address space alive: it ends with its process.
 */
#include "guest_object.h"
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/upcalls.h>
#include <quire/process.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/sys.h>
#include <uapi/quire/abi.h>

static int uv_frames(struct guest *g, enum uv_call call, u64 page, u64 nr)
{
    for (u64 done = 0; done < nr; done += UV_BATCH) {
        s64 n = uvcall(call, g->id, g->folio->pfn + page + done, MIN(nr - done, (u64)UV_BATCH), 0, 0);
        if (n < 0)
            return (int)n;
        preempt_point();
    }
    return 0;
}

/* --- where a hole is shown ---------------------------------------------------------------------- */
/* The address space that shows the hole, with a reference. NULL: no address space does, or it is just ending. */
static struct mm *shown_in(struct insecure_mem *hole)
{
    struct mm *mm = NULL;

    spin_lock(&hole->folio->lock); /* an area leaves this list before it is freed; its address space lives until then */
    list_for_each(node, &hole->areas) {
        struct vma *vma = list_entry(node, struct vma, obj_link);
        if (refs_get_unless_zero(&vma->mm->refs)) {
            mm = vma->mm;
            break;
        }
    }
    spin_unlock(&hole->folio->lock);
    return mm;
}

static bool is_shown(struct insecure_mem *hole)
{
    spin_lock(&hole->folio->lock);
    bool shown = !list_empty(&hole->areas);
    spin_unlock(&hole->folio->lock);
    return shown;
}

/* Removes the host's mapping of the hole. References that others hold still keep the hole open. */
static void unmap_hole(struct guest_hole *h)
{
    struct mm *mm = shown_in(h->hole);

    if (!mm)
        return;
    mm_unmap_hole(mm, h->address, h->hole);
    mm_put(mm);
}

/* --- share -------------------------------------------------------------------------------------- */
/* A new member of the guest's list, charged to the guest's account. NULL: no memory, or the account is full. */
static struct guest_hole *add_hole(struct guest *g)
{
    struct guest_hole *h = quota_kmalloc(g->quota, sizeof(*h));

    if (h)
        list_push_back(&g->holes, &h->link);
    return h;
}

static void remove_hole(struct guest *g, struct guest_hole *h)
{
    list_remove(&h->link);
    quota_kfree(g->quota, h, sizeof(*h));
}

void guest_drop_hole(struct guest *g, struct guest_hole *h)
{
    unmap_hole(h);
    remove_hole(g, h);
}

static int share(struct guest *g)
{
    struct guest_hole *h = add_hole(g);

    if (!h)
        return -ENOMEM;
    int err = folio_punch_hole(g->folio, g->ask_page, g->ask_nr, HOLE_INSECURE, &h->hole);
    if (err) {
        remove_hole(g, h);
        return err;
    }
    err = uv_frames(g, UV_EXPOSE, g->ask_page, g->ask_nr);
    KASSERT(!err, "the ultravisor doesn't expose what the guest has just shared: error %d", err);
    g->ask_nr = 0;
    return 0;
}

/* --- unshare ------------------------------------------------------------------------------------ */
static struct guest_hole *hole_at(struct guest *g, u64 page)
{
    list_for_each(node, &g->holes) {
        struct guest_hole *h = list_entry(node, struct guest_hole, link);
        if (h->hole->first == g->folio->pfn + page)
            return h;
    }
    return NULL;
}

/* Whether the undecided pages are exactly some holes, one behind the other. */
static bool holes_fit(struct guest *g)
{
    u64 page = g->ask_page, end = g->ask_page + g->ask_nr;

    while (page < end) {
        struct guest_hole *h = hole_at(g, page);
        if (!h)
            return false;
        page += h->hole->nr;
    }
    return page == end;
}

/* Closes the first of the undecided holes. -EAGAIN: somebody holds it; nothing has changed for the guest. */
static int unshare_first(struct guest *g)
{
    struct guest_hole *h = hole_at(g, g->ask_page);
    u64 nr = h->hole->nr;

    unmap_hole(h);
    if (folio_mend_hole(h->hole))
        return -EAGAIN;
    remove_hole(g, h);
    int err = guest_uv_pages(g, UV_IMPORT, g->ask_page, nr, 0);
    KASSERT(!err, "the ultravisor doesn't take back what the guest unshares: error %d", err);
    g->ask_page += nr;
    g->ask_nr -= nr;
    return 0;
}

static int unshare(struct guest *g)
{
    int err = holes_fit(g) ? 0 : -EINVAL;

    while (!err && g->ask_nr) {
        err = unshare_first(g);
        preempt_point();
    }
    return err;
}

/* Does what the host has decided. -EAGAIN: it isn't possible now; the request stays pending. */
static int decide(struct guest *g, bool allow)
{
    int err = !allow ? -EPERM : g->left_for == QUIRE_GUEST_SHARE ? share(g) : unshare(g);

    if (err == -EAGAIN)
        return err;
    if (err) { /* then the ultravisor gives the frames the state that they had before the guest asked */
        int refused = uv_frames(g, UV_REFUSE, g->ask_page, g->ask_nr);
        KASSERT(!refused, "the ultravisor doesn't let its host refuse: error %d", refused);
    }
    guest_become(g, GUEST_IDLE);
    return allow ? err : 0;
}

s64 sys_guest_share(struct trapframe *tf)
{
    int err;
    struct guest *g = guest_get_locked(tf, &err);

    if (!g)
        return err;
    err = g->state == GUEST_PENDING ? decide(g, tf_arg(tf, 1) != 0) : -EINVAL;
    guest_unlock_put(g);
    return err == -EAGAIN ? -EBUSY : err;
}

s64 sys_guest_map(struct trapframe *tf)
{
    int err;
    struct guest *g = guest_get_locked(tf, &err);
    vaddr_t addr = 0;

    if (!g)
        return err;
    struct guest_hole *h = hole_at(g, tf_arg(tf, 1));
    err = !h || h->hole->nr != tf_arg(tf, 2) ? -EACCES : is_shown(h->hole) ? -EBUSY : 0;
    if (!err)
        err = mm_map_hole(current_process()->mm, &addr, h->hole, PROT_READ | PROT_WRITE);
    if (!err)
        h->address = addr;
    guest_unlock_put(g);
    return err ? err : (s64)addr;
}
