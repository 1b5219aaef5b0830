/* SPDX-License-Identifier: MIT */
/*
 * The range interface: installing and changing entries of one table in batches. Contracts are in <quire/pgtable.h>; the
 * caller holds the table's lock. Groups of entries that are alike are made here where a batch covers them. They are
 * changed whole, or undone first (mm/tables/contig.c).
 *
 * The hardware may set "accessed" or "dirty" in an entry at any time, unless the entry is settled: then a plain store
 * loses nothing. An entry that isn't settled is emptied by an atomic exchange before it is changed.
 */
#include <quire/batch.h>
#include <quire/code_events.h>
#include <quire/counters.h>
#include <quire/log.h>
#include <quire/space.h>
#include <quire/mm_event.h>

#if QUIRE_DEBUG
static void check_place(const char *who, vaddr_t addr, const pte_t *ptep, unsigned nr)
{
    KASSERT(nr > 0, "%s: nr is 0", who);
    KASSERT(pt_index(addr, 0) + nr <= PT_ENTRIES(0),
            "%s: %u entries from 0x%lx on leave the page table: one call, one table", who, nr, addr);
    KASSERT(((vaddr_t)ptep / sizeof(pte_t) & (PT_ENTRIES(0) - 1)) == pt_index(addr, 0),
            "%s: entry %p isn't the one for address 0x%lx", who, ptep, addr);
    KASSERT(spin_is_locked(pt_lock(ptep)), "%s: the page-table lock isn't held", who);
}

void check_set_ptes(struct mm *mm, vaddr_t addr, const pte_t *ptep, pte_t pte, unsigned nr)
{
    check_place("set_ptes", addr, ptep, nr);
    memdesc_t word = owner_word(pte_pfn(pte)); /* below a hole or poison, whose maker removes the entry again */
    for (unsigned i = 0; nr > 1 && i < nr; i++) {
        KASSERT(!pte_present(pte_load(ptep + i)) || !pte_accessible(pte_load(ptep + i)),
                "set_ptes: entry %u of %u is present already: only nr == 1 may replace", i, nr);
        KASSERT(owner_word(pte_pfn(pte) + i) == word,
                "set_ptes: frame 0x%lx belongs to something else than frame 0x%lx: one call, one folio",
                pte_pfn(pte) + i, pte_pfn(pte));
    }
    KASSERT(nr == 1 || pte_present(pte), "set_ptes: nr > 1 installs present entries only");
    KASSERT(!mm || addr < USER_TOP, "set_ptes: 0x%lx isn't a user address", addr);
}
#else
#define check_place(who, addr, ptep, nr) ((void)(addr))
#endif

/* --- groups ------------------------------------------------------------------------------------ */
/* Whether these entries may become groups: settled entries of a program, aligned alike in addresses and frames. */
static bool may_group(vaddr_t addr, pte_t pte, unsigned nr)
{
    return nr >= PT_CONT && pte_settled(pte) && pte_user(pte) &&
           ((pte_pfn(pte) ^ addr >> PAGE_SHIFT) & (PT_CONT - 1)) == 0;
}

/* Whole groups from ptep on. */
static __always_inline void store_groups(pte_t *ptep, pte_t pte, unsigned nr)
{
    if (PT_CONT_STEP) {
        store_run(ptep, pte_mkcont(pte), nr, PT_CONT_STEP);
        return;
    }
    for (; nr; nr -= PT_CONT, ptep += PT_CONT) {
        store_group(ptep, pte);
        pte = pte_advance_pfn(pte, PT_CONT);
    }
}

static __noinline void store_grouped(vaddr_t addr, pte_t *ptep, pte_t pte, unsigned nr)
{
    unsigned head = (unsigned)(-(addr >> PAGE_SHIFT) & (PT_CONT - 1));

    if (unlikely(head)) {
        store_run(ptep, pte, head, 1);
        pte = pte_advance_pfn(pte, head);
        ptep += head;
        nr -= head;
    }
    unsigned whole = nr & ~(unsigned)(PT_CONT - 1);
    store_groups(ptep, pte, whole);
    store_run(ptep + whole, pte_advance_pfn(pte, whole), nr - whole, 1);
}

/* --- installing -------------------------------------------------------------------------------- */
/* For nr > 1, or for an entry that is in no group. */
void store_ptes(vaddr_t addr, pte_t *ptep, pte_t pte, unsigned nr)
{
    if (!may_group(addr, pte, nr))
        store_run(ptep, pte, nr, 1);
    else if (likely(nr == PT_CONT && pt_group_starts(ptep)))
        store_group(ptep, pte);
    else if (nr % PT_CONT == 0 && pt_group_starts(ptep))
        store_groups(ptep, pte, nr);
    else
        store_grouped(addr, ptep, pte, nr);
}

void set_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, pte_t pte, unsigned nr)
{
    check_set_ptes(mm, addr, ptep, pte, nr);
    counter_inc(COUNTER_SET_PTES_CALLS);
    counter_add(COUNTER_SET_PTES_ENTRIES, nr);
    if (nr == 1)
        pt_isolate(mm, addr, ptep, 1);
    event_entries_set(mm, addr, pte, nr);
    store_ptes(addr, ptep, pte, nr);
}

#if QUIRE_CHECKS
/* The page of its owner that the entry shows is the one that the area has at addr. */
void check_pages_shown(const struct vma *vma, vaddr_t addr, const pte_t *ptep, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++, addr += PAGE_SIZE) {
        pte_t e = pte_load(ptep + i);
        const struct folio *f = pte_present(e) ? mapped_folio(pte_pfn(e)) : NULL;
        const struct memobj *owner = f ? READ_ONCE(f->owner) : NULL;
        if (!owner || (owner != vma->anon && owner != vma->obj))
            continue;
        u64 shown = f->index + (pte_pfn(e) - f->pfn);
        u64 right = owner == vma->anon ? addr >> PAGE_SHIFT : vma->offset + ((addr - vma->start) >> PAGE_SHIFT);
        KASSERT(shown == right,
                "the entry for address 0x%lx maps frame 0x%lx, which is page 0x%lx of its owner, and the area has page "
                "0x%lx there. likely: a frame number is one too many or one too few, or it is counted from the wrong "
                "start",
                addr, pte_pfn(e), shown, right);
    }
}
#endif

void update_mmu_cache_range(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    check_pages_shown(vma, addr, ptep, nr);
    arch_pt_publish();
}

/* --- comparing --------------------------------------------------------------------------------- */
/* "Accessed" and "dirty" may differ within a batch. */
static pte_t batch_key(pte_t e) { return pte_mkyoung(pte_mkdirty(e)); }

/* How many entries are `pte` and its successors, bit by bit. A whole group needs only one look. */
static unsigned equal_run(const pte_t *ptep, pte_t pte, unsigned max)
{
    const pte_t *p = ptep, *end = ptep + max;

    for (; end - p >= (long)PT_CONT && pte_cont(pte_load_raw(p)) && pt_group_starts(p); p += PT_CONT) {
        if (!pte_same(pte_load(p), pte))
            return (unsigned)(p - ptep);
        pte = pte_advance_pfn(pte, PT_CONT);
    }
    for (; end - p >= 8; p += 8) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; i++) {
            if (!pte_same(pte_load_raw(p + i), pte))
                return (unsigned)(p + i - ptep);
            pte = pte_advance_pfn(pte, 1);
            pte_opaque(pte);
        }
    }
    for (; p < end && pte_same(pte_load_raw(p), pte); p++)
        pte = pte_advance_pfn(pte, 1);
    return (unsigned)(p - ptep);
}

unsigned folio_pte_batch(const pte_t *ptep, pte_t pte, unsigned max, pfn_t end_pfn)
{
    u64 left = end_pfn - pte_pfn(pte); /* clamp first: entries behind the folio may look alike */
    unsigned limit = left < max ? (unsigned)left : max, nr = equal_run(ptep, pte, limit);

    if (likely(nr == limit))
        return nr;
    nr = nr ? nr : 1;
    for (pte_t want = pte_advance_pfn(batch_key(pte), nr); nr < limit; nr++) {
        pte_t e = pte_load(ptep + nr);
        if (!pte_present(e) || !pte_same(batch_key(e), want))
            break;
        want = pte_advance_pfn(want, 1);
    }
    return nr;
}

/* --- changing ---------------------------------------------------------------------------------- */
/* Empties the entry; returns what it held, with all bits that the hardware had set. */
static pte_t take_out(vaddr_t addr, pte_t *ptep)
{
#if ARCH_FLUSH_ON_CLEAR /* the hardware of these machines sets no bits in entries */
    pte_t e = pte_load_raw(ptep);
    arch_pte_invalidate(ptep, addr);
    pte_store(ptep, pte_empty(0));
    return e;
#else
    (void)addr;
    return pte_exchange(ptep, pte_empty(0));
#endif
}

/* The entry with another protection. Executable and other mappings use different frame numbers: exec_pfn(). */
static __always_inline pte_t changed(pte_t e, struct pte_change change)
{
    pte_t fresh = pte_apply(e, change);

    return pte_advance_pfn(fresh, exec_pfn_moves(pte_pfn(e), pte_exec(e), pte_exec(fresh)));
}

/* Empties the entry, so that the hardware can't change it, and then stores it with the change. */
static __noinline void change_unsettled(vaddr_t addr, pte_t *ptep, struct pte_change change)
{
    pte_t e = take_out(addr, ptep), fresh = changed(pte_mkyoung(e), change);

    pte_store(ptep, pte_young(e) ? fresh : pte_mkold(fresh));
}

static __always_inline void change_entry(vaddr_t addr, pte_t *ptep, struct pte_change change, pte_t *in)
{
    pte_t e = pte_load_raw(ptep);

    if (likely(pte_settled(e))) {
        pte_break(in, addr);
        pte_store(ptep, changed(e, change));
    } else if (pte_present(e)) {
        change_unsettled(addr, ptep, change);
    }
}

void protect_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr, pgprot_t prot)
{
    struct pte_change change = pte_change(prot);
    pte_t *in = ptep;

    check_place("protect_ptes", addr, ptep, nr);
    counter_inc(COUNTER_PROTECT_CALLS);
    counter_add(COUNTER_PROTECT_ENTRIES, nr);
    pt_isolate(mm, addr, ptep, nr);
    mm_event(MM_EVENT_ENTRY_SET, addr, pte_pfn(pte_load(ptep)), nr);
    for (; nr >= 8; nr -= 8, ptep += 8, addr += 8 * PAGE_SIZE) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; i++)
            change_entry(addr + i * PAGE_SIZE, ptep + i, change, in);
    }
    for (; nr; nr--, ptep++, addr += PAGE_SIZE)
        change_entry(addr, ptep, change, in);
}

void wrprotect_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    check_place("wrprotect_ptes", addr, ptep, nr);
    pt_isolate(mm, addr, ptep, nr);
    for (unsigned i = 0; i < nr; i++) {
        pte_t e = pte_load_raw(ptep + i);
        if (pte_present(e))
            pte_store(ptep + i, pte_wrprotect(take_out(addr + i * PAGE_SIZE, ptep + i)));
    }
}

unsigned age_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    unsigned young = 0;

    check_place("age_ptes", addr, ptep, nr);
    counter_inc(COUNTER_AGE_CALLS);
    counter_add(COUNTER_AGE_ENTRIES, nr);
    pt_isolate(mm, addr, ptep, nr);
    for (unsigned i = 0; i < nr; i++) {
        pte_t e = pte_load_raw(ptep + i);
        if (!pte_present(e) || !pte_young(e))
            continue;
        young++;
        pte_store(ptep + i, pte_mkold(take_out(addr + i * PAGE_SIZE, ptep + i)));
    }
    return young;
}

void clear_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    check_place("clear_ptes", addr, ptep, nr);
    counter_inc(COUNTER_CLEAR_CALLS);
    counter_add(COUNTER_CLEAR_ENTRIES, nr);
    pt_isolate(mm, addr, ptep, nr);
    mm_event(MM_EVENT_ENTRY_CLEAR, addr, pte_pfn(pte_load(ptep)), nr);
    break_run(ptep, addr, nr);
    store_run(ptep, pte_empty(0), nr, 0);
}

void hide_ptes(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    check_place("hide_ptes", addr, ptep, nr);
    pt_isolate(mm, addr, ptep, nr);
    mm_event(MM_EVENT_ENTRY_CLEAR, addr, pte_pfn(pte_load(ptep)), nr);
    for (unsigned i = 0; i < nr; i++) {
        pte_t e = pte_load_raw(ptep + i);
        if (!pte_present(e))
            continue;
        pte_break(ptep + i, addr + i * PAGE_SIZE);
        pte_store(ptep + i, pte_hide(e));
    }
}
