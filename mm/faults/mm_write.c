/* SPDX-License-Identifier: MIT */
/* Writing into an address space from the kernel: page by page, each brought in by a fault. */
#include <quire/mm.h>
#include <quire/cacheflush.h>
#include <quire/errno.h>
#include <quire/folio.h>
#include <quire/space.h>
#include <quire/string.h>

int mm_write(struct mm *mm, vaddr_t addr, const void *data, size_t len)
{
    const u8 *from = data;

    while (len) {
        int err = mm_fault(mm, addr, ACCESS_WRITE);
        if (err)
            return err;
        pte_t e = mm_lookup(mm, addr);
        bool there = pte_present(e) && pte_write(e);
        struct folio *f = there ? pfn_folio_get(pte_pfn(e)) : NULL;
        pte_t now = mm_lookup(mm, addr); /* without the reference the frame may have become somebody else's */
        bool same = there && pte_present(now) && pte_write(now) && pte_pfn(now) == pte_pfn(e);
        if (!f && same)
            return -EACCES; /* a hole, or device registers */
        if (f && !same)
            folio_put(f);
        if (!f || !same)
            continue; /* the page was taken away again: the next fault brings it back, or says why it can't */
        size_t offset = addr & (PAGE_SIZE - 1), n = MIN(len, PAGE_SIZE - offset);
        memcpy((u8 *)pfn_address(pte_pfn(e)) + offset, from, n);
        flush_dcache_page(pte_pfn(e));
        folio_put(f);
        addr += n;
        from += n;
        len -= n;
    }
    return 0;
}
