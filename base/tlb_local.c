/* SPDX-License-Identifier: MIT */
/* Flushes of this CPU's TLB, for itself or because another CPU asked: see <quire/messages.h>. */
#include <quire/messages.h>
#include <quire/counters.h>
#include <arch/tlb.h>

#define FLUSH_ALL_ABOVE 32 /* pages: more than that is cheaper as one flush of the whole root */

void tlb_flush_local(const struct pt_root *root, vaddr_t start, u64 nr)
{
    counter_inc(COUNTER_FLUSH_LOCAL);
    if (nr == 0 || nr > FLUSH_ALL_ABOVE) {
        if (root)
            arch_tlb_flush_root(root);
        else
            arch_tlb_flush_all();
        return;
    }
    for (u64 i = 0; i < nr; i++) {
        if (root)
            arch_tlb_flush_page(root, start + i * PAGE_SIZE);
        else
            arch_tlb_flush_kernel_page(start + i * PAGE_SIZE);
    }
}
