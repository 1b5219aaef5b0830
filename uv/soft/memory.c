/* SPDX-License-Identifier: MIT */
/*
 * The guest's memory as the ultravisor reads and writes it for a guest's calls: page by page, by the guest's own tables
 * and the frame table, never by the addresses that are loaded on this CPU. A guest address that the guest itself couldn't
 * use is -EFAULT, whatever the host has mapped there; nothing here ever takes a fault.
 */
#include <quire/errno.h>
#include <quire/string.h>
#include "../core/uv.h"

/* Whether the guest may read (or write) all of [addr, addr + n), and every page of it is its own. */
static bool may_use(struct uv_guest *g, vaddr_t addr, size_t n, bool write)
{
    vaddr_t end = g->nr_pages << PAGE_SHIFT;

    if (addr > end || n > end - addr)
        return false;
    for (u64 page = addr >> PAGE_SHIFT; n && page <= (addr + n - 1) >> PAGE_SHIFT; page++) {
        pte_t e = uv_tables_entry(g, page);
        if (!pte_present(e) || (write && !pte_write(e)) || uv_page_state(g, page) == UV_NONSECURE)
            return false;
    }
    return true;
}

/* Bytes of the page at addr, up to n. */
static size_t in_page(vaddr_t addr, size_t n) { return MIN(n, PAGE_SIZE - (addr & (PAGE_SIZE - 1))); }

static u8 *open_at(struct uv_guest *g, vaddr_t addr)
{
    return (u8 *)uv_soft_open(uv_tables_frame(g, addr >> PAGE_SHIFT)) + (addr & (PAGE_SIZE - 1));
}

int uv_memory_read(struct uv_guest *g, void *to, vaddr_t addr, size_t n)
{
    if (!may_use(g, addr, n, false))
        return -EFAULT;
    for (size_t done = 0, step; done < n; done += step) {
        step = in_page(addr + done, n - done);
        memcpy((u8 *)to + done, open_at(g, addr + done), step);
        uv_soft_close();
    }
    return 0;
}

int uv_memory_write(struct uv_guest *g, vaddr_t addr, const void *from, size_t n)
{
    if (!may_use(g, addr, n, true))
        return -EFAULT;
    for (size_t done = 0, step; done < n; done += step) {
        step = in_page(addr + done, n - done);
        memcpy(open_at(g, addr + done), (const u8 *)from + done, step);
        uv_soft_close();
    }
    return 0;
}
