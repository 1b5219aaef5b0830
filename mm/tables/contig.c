/* SPDX-License-Identifier: MIT */
/*
 * Groups of entries. A group is PT_CONT entries, naturally aligned in addresses and frames, and alike in everything. So
 * one look at the first entry tells what all of them are: fork and unmapping need not compare them. arm64 (contiguous
 * bit) and riscv (Svnapot) may also make one TLB entry of a group; on other machines only software knows the mark.
 *
 * Invariant: the entries of a group are alike in all bits, and their frames belong to one folio. (If a group isn't
 * settled, the hardware may set "accessed" or "dirty" in one entry; this is then true of all.) A group is changed whole
 * (mm/tables/batch.c), or unfolded first. pte_load() shows single entries as if there were no groups.
 *
 * Where groups are in the TLB, the size of the TLB's entries changes when single entries become a group, or the other
 * way round. That requires break-before-make: hide, flush, store (Arm ARM, "Using break-before-make"; Privileged ISA,
 * Svnapot, requires the same). An access in between faults, waits for the page-table lock, and finds the new entries. A
 * look-up without the lock still finds the frame.
 */
#include <quire/batch.h>
#include <quire/counters.h>
#include <quire/mm_event.h>
#include <quire/pgtable.h>
#include <quire/tlb.h>

/*
 * Hides all entries of the group and flushes, so that no CPU has a translation any more. Returns the first entry, with
 * "accessed" and "dirty" if the hardware had set them in any entry.
 */
static pte_t break_group(struct mm *mm, vaddr_t addr, pte_t *group)
{
    pte_t first = pte_load(group);

    mm_event(MM_EVENT_ENTRY_CLEAR, addr, pte_pfn(first), PT_CONT);
    if (likely(pte_settled(first))) { /* then all entries are, and the hardware sets no bits in them */
        store_run(group, pte_hide(first), PT_CONT, 1);
    } else {
        for (unsigned i = 0; i < PT_CONT; i++) {
            pte_t e = pte_exchange(group + i, pte_hide(pte_advance_pfn(first, i)));
            if (pte_young(e))
                first = pte_mkyoung(first);
            if (pte_dirty(e))
                first = pte_mkdirty(first);
        }
    }
    tlb_flush_range(mm, addr, PT_CONT);
    mm_event(MM_EVENT_ENTRY_SET, addr, pte_pfn(first), PT_CONT);
    return first;
}

void pt_unfold(struct mm *mm, vaddr_t addr, pte_t *ptep)
{
    pte_t *group = (pte_t *)ALIGN_DOWN((vaddr_t)ptep, PT_CONT * sizeof(pte_t));

    counter_inc(COUNTER_UNFOLD);
    if (!arch_group_in_tlb()) { /* only software's mark goes: no translation changes, so there is nothing to flush */
        for (pte_t *p = group; p < group + PT_CONT; p++)
            __atomic_fetch_and(&p->v, ~pte_mkcont((pte_t){0}).v, __ATOMIC_RELAXED); /* beside what the hardware sets */
        return;
    }
    pte_t e = break_group(mm, ALIGN_DOWN(addr, PT_CONT * PAGE_SIZE), group);
    store_run(group, e, PT_CONT, 1);
    arch_pt_publish();
}

/* A group's frames must belong to one folio: then a walk over entries, folio by folio, always meets whole groups. */
static bool in_one_folio(pfn_t first)
{
    const struct folio *f = first % PT_CONT ? NULL : mapped_folio(first);
    return f && folio_nr_pages(f) >= PT_CONT;
}

bool pt_fold(struct mm *mm, vaddr_t addr, pte_t *ptep)
{
    pte_t *group = (pte_t *)ALIGN_DOWN((vaddr_t)ptep, PT_CONT * sizeof(pte_t));
    pte_t first = pte_load_raw(group);

    if (!arch_group_in_tlb() || pte_cont(first) || !pte_settled(first) || !pte_user(first) ||
        !in_one_folio(pte_pfn(first)))
        return false;
    for (unsigned i = 1; i < PT_CONT; i++)
        if (!pte_same(pte_load_raw(group + i), pte_advance_pfn(first, i)))
            return false;
    first = break_group(mm, ALIGN_DOWN(addr, PT_CONT * PAGE_SIZE), group);
    counter_inc(COUNTER_FOLD);
    store_group(group, first);
    arch_pt_publish();
    return true;
}

void pt_isolate_slow(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    pte_t *last = ptep + nr - 1;

    if (pte_cont(pte_load_raw(ptep)) && !pt_group_starts(ptep))
        pt_unfold(mm, addr, ptep);
    if (pte_cont(pte_load_raw(last)) && !pt_group_starts(last + 1))
        pt_unfold(mm, addr + (nr - 1) * PAGE_SIZE, last);
}
