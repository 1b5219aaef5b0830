/* SPDX-License-Identifier: MIT */
/*
 * How the ultravisor reads and writes a guest's memory for the guest's calls: page by page, by the guest's own tables
 * and the frame table, never through the tables that are loaded on this CPU. A guest address that the guest itself
 * couldn't use is -EFAULT, whatever the host has mapped there. This code never takes a fault.
 */
#include <quire/errno.h>
#include "uv.h"

/* Whether the guest may read (or write) all of [addr, addr + n), and every page of the range belongs to the guest. */
static bool may_use(struct uv_guest *g, u64 addr, u64 n, unsigned access)
{
    u64 end = g->nr_pages << PAGE_SHIFT;

    if (addr > end || n > end - addr)
        return false;
    for (u64 page = addr >> PAGE_SHIFT; n && page <= (addr + n - 1) >> PAGE_SHIFT; page++)
        if (!(enforce_access(g->id, page) & access) || uv_page_state(g, page) == UV_NONSECURE)
            return false;
    return true;
}

/* Bytes of the page at addr, up to n. */
static u64 in_page(u64 addr, u64 n) { return MIN(n, PAGE_SIZE - (addr & (PAGE_SIZE - 1))); }

static pfn_t frame_at(const struct uv_guest *g, u64 addr) { return enforce_frame_of(g->id, addr >> PAGE_SHIFT); }

int uv_memory_read(struct uv_guest *g, void *to, u64 addr, u64 n)
{
    if (!may_use(g, addr, n, UV_READ))
        return -EFAULT;
    for (u64 done = 0, step; done < n; done += step) {
        step = in_page(addr + done, n - done);
        enforce_read((u8 *)to + done, frame_at(g, addr + done), (addr + done) & (PAGE_SIZE - 1), step);
    }
    return 0;
}

int uv_memory_write(struct uv_guest *g, u64 addr, const void *from, u64 n)
{
    if (!may_use(g, addr, n, UV_WRITE))
        return -EFAULT;
    for (u64 done = 0, step; done < n; done += step) {
        step = in_page(addr + done, n - done);
        enforce_write(frame_at(g, addr + done), (addr + done) & (PAGE_SIZE - 1), (const u8 *)from + done, step);
    }
    return 0;
}
