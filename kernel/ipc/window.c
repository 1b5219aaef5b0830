/* SPDX-License-Identifier: MIT */
/*
 * Windows: memory of a caller that whoever has the duty to answer reads and writes. The copy goes page by page: bring the
 * page in, take a reference to its frame, ask whether the caller still waits, copy, look whether the page is still there.
 * Nobody else's faults are waited for, but for those of the two address spaces.
 */
#include "ipc.h"
#include <quire/cacheflush.h>
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/folio.h>
#include <quire/frame_access.h>
#include <quire/mm.h>
#include <quire/process.h>
#include <quire/uaccess.h>
#include <quire/upcalls.h>
#include <uapi/quire/ipc.h>

struct page {
    pfn_t pfn;
    struct folio *folio;        /* with a reference; NULL: the page shows a hole */
    struct frame_access access; /* pins the hole */
};

static void page_put(struct page *p)
{
    frame_access_end(&p->access);
    if (p->folio)
        folio_put(p->folio);
}

static bool shows(struct mm *mm, vaddr_t addr, pfn_t pfn, bool write)
{
    pte_t e = mm_lookup(mm, addr);
    return pte_present(e) && pte_pfn(e) == pfn && (!write || pte_write(e));
}

/* -EAGAIN: the page was taken away meanwhile. */
static int page_get(struct mm *mm, vaddr_t addr, bool write, struct page *p)
{
    int err = mm_fault(mm, addr, write ? ACCESS_WRITE : ACCESS_READ);

    if (err)
        return err;
    p->pfn = pte_pfn(mm_lookup(mm, addr));
    p->folio = pfn_folio_get(p->pfn);
    err = frame_access_begin(&p->access, p->pfn);
    if (!err && ((!p->folio && !p->access.hole) || !shows(mm, addr, p->pfn, write)))
        err = -EAGAIN;
    if (err)
        page_put(p);
    return err;
}

/* Copies n bytes inside one page. 0; -EAGAIN; -EFAULT: the memory of the one who copies. */
static int copy_piece(struct mm *mm, vaddr_t addr, struct user_window *own, size_t n, bool write)
{
    struct page p;
    int err = page_get(mm, addr, write, &p);

    if (err)
        return err;
    u8 *at = (u8 *)p.access.address + addr % PAGE_SIZE;
    struct user_window mine = *own;
    err = write ? window_in(at, &mine, n) : window_out(&mine, at, n);
    if (write && p.folio)
        flush_dcache_page(p.pfn);
    if (!err && write && !shows(mm, addr, p.pfn, true))
        err = -EAGAIN; /* the caller has another frame there now: it would lose these bytes */
    page_put(&p);
    if (!err)
        *own = mine;
    return err;
}

static bool still_waits(const struct duty *duty)
{
    return __atomic_load_n(&duty->caller->ipc.call, __ATOMIC_ACQUIRE) == duty->call;
}

static s64 copy(const struct duty *duty, u64 offset, struct user_window *own, bool write)
{
    u64 all = own->left;

    while (own->left) {
        vaddr_t addr = duty->window + offset + (all - own->left);
        int err = still_waits(duty) ? copy_piece(duty->mm, addr, own, MIN(own->left, PAGE_SIZE - addr % PAGE_SIZE), write)
                                    : -ESRCH;
        if (err == -EAGAIN)
            err = 0;
        if (!err && preempt_point())
            err = -EINTR;
        if (err)
            return all == own->left ? err : (s64)(all - own->left);
    }
    return (s64)all;
}

static s64 check_and_copy(const struct duty *duty, u64 offset, u64 buffer, u64 bytes, bool write)
{
    struct user_window own;

    if (!(duty->window_rights & (write ? RIGHT_WRITE : RIGHT_READ)))
        return -EACCES;
    if (offset > duty->window_bytes)
        return -EINVAL;
    int err = user_window(&own, (struct user_ptr){buffer}, MIN(bytes, duty->window_bytes - offset));
    return err ? err : copy(duty, offset, &own, write);
}

s64 window_copy(struct reply *r, u64 offset, u64 buffer, u64 bytes, bool write)
{
    struct duty duty;

    if (!duty_look(r, &duty))
        return -ESRCH;
    s64 result = duty.mm ? check_and_copy(&duty, offset, buffer, bytes, write) : -EACCES;
    duty_end(&duty);
    return result;
}
