/* SPDX-License-Identifier: MIT */
/*
 * Windows: memory of a caller that whoever has the duty to answer reads and writes. The copy goes piece by piece,
 * through a buffer on the stack: bring the caller's page in, take a reference to its frame, copy while the call is
 * REPLYING, look whether the page is still there.
 *
 * While the call is REPLYING its caller can't go on, <quire/ipc.h>: so after a call has ended, nobody touches its
 * window. Copies to and from the server's memory may fault, and happen outside of that state.
 *
 * No other thread of the caller forks in the middle of a piece, because the areas are locked: else the new process,
 * which shares the page from then on, would see the bytes, too.
 */
#include "ipc.h"
#include <quire/cacheflush.h>
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/folio.h>
#include <quire/frame_access.h>
#include <quire/mm.h>
#include <quire/process.h>
#include <quire/string.h>
#include <quire/uaccess.h>
#include <quire/upcalls.h>
#include <uapi/quire/ipc.h>

#define PIECE 1024UL /* divides the page size */

struct page {
    pfn_t pfn;
    struct folio *folio;        /* with a reference; NULL: the page shows a hole, or is the page of zeros */
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
        return err == -EAGAIN ? -EFAULT : err; /* a window never waits for a pager */
    p->pfn = pte_pfn(mm_lookup(mm, addr));
    p->folio = pfn_folio_get(p->pfn);
    err = frame_access_begin(&p->access, p->pfn);
    bool keeps = p->folio || p->access.hole || (p->pfn == zero_pfn && !write);
    if (!err && (!keeps || !shows(mm, addr, p->pfn, write)))
        err = -EAGAIN;
    if (err)
        page_put(p);
    return err;
}

/* 0; -ESRCH: the caller doesn't wait any more. */
static int move(u8 *at, const struct duty *duty, u8 *buffer, size_t n, bool write)
{
    bool irq = irq_save(), waits = duty_hold(duty);

    if (waits) {
        memcpy(write ? at : buffer, write ? buffer : at, n);
        duty_release(duty);
    }
    irq_restore(irq);
    return waits ? 0 : -ESRCH;
}

/* Copies n bytes of one of the caller's pages. 0; -EAGAIN; -ESRCH. */
static int copy_page(const struct duty *duty, struct mm *mm, vaddr_t addr, u8 *buffer, size_t n, bool write)
{
    struct page p;
    int err = page_get(mm, addr, write, &p);

    if (err)
        return err;
    rwsem_read_lock(&mm->areas_lock);
    err = shows(mm, addr, p.pfn, write) ? move((u8 *)p.access.address + addr % PAGE_SIZE, duty, buffer, n, write)
                                        : -EAGAIN;
    rwsem_read_unlock(&mm->areas_lock);
    if (write && p.folio)
        flush_dcache_page(p.pfn);
    if (!err && write && !shows(mm, addr, p.pfn, true))
        err = -EAGAIN; /* the caller has another frame there now: it would lose these bytes */
    page_put(&p);
    return err;
}

/* Copies n bytes, at most PIECE and of one page. As copy_page(); -EFAULT: the memory of the one who copies. */
static int copy_piece(const struct duty *duty, struct mm *mm, vaddr_t addr, struct user_window *own, size_t n,
                      bool write)
{
    u8 buffer[PIECE];
    struct user_window mine = *own;
    int err = write ? window_in(buffer, &mine, n) : 0;

    if (!err)
        err = copy_page(duty, mm, addr, buffer, n, write);
    if (!err && !write)
        err = window_out(&mine, buffer, n);
    if (!err)
        *own = mine;
    return err;
}

static s64 copy(const struct duty *duty, struct mm *mm, u64 offset, struct user_window *own, bool write)
{
    u64 all = own->left;

    while (own->left) {
        vaddr_t addr = duty->window + offset + (all - own->left);
        int err = copy_piece(duty, mm, addr, own, MIN(own->left, PIECE - addr % PIECE), write);
        if (err == -EAGAIN)
            err = 0;
        if (!err && preempt_point())
            err = -EINTR;
        if (err)
            return all == own->left ? err : (s64)(all - own->left);
    }
    return (s64)all;
}

/*
 * The caller's address space, with a reference: only while somebody copies, so that a caller that is killed gives its
 * memory back although its call is never answered. NULL: the caller doesn't wait any more.
 */
static struct mm *caller_mm(const struct duty *duty)
{
    struct mm *mm = NULL;
    bool irq = irq_save();

    if (duty_hold(duty)) { /* its caller can't leave the address space now */
        mm = duty->caller->mm;
        mm_get(mm);
        duty_release(duty);
    }
    irq_restore(irq);
    return mm;
}

static s64 check_and_copy(const struct duty *duty, u64 offset, u64 buffer, u64 bytes, bool write)
{
    struct user_window own;

    if (!(duty->window_rights & (write ? RIGHT_WRITE : RIGHT_READ)))
        return -EACCES;
    if (offset > duty->window_bytes)
        return -EINVAL;
    int err = user_window(&own, (struct user_ptr){buffer}, MIN(bytes, duty->window_bytes - offset));
    if (err)
        return err;
    struct mm *mm = caller_mm(duty);
    if (!mm)
        return -ESRCH;
    s64 result = copy(duty, mm, offset, &own, write);
    mm_put(mm);
    return result;
}

s64 window_copy(struct reply *r, u64 offset, u64 buffer, u64 bytes, bool write)
{
    struct duty duty;

    if (!duty_look(r, &duty))
        return -ESRCH;
    s64 result = duty.has_window ? check_and_copy(&duty, offset, buffer, bytes, write) : -EACCES;
    thread_put(duty.caller);
    return result;
}
