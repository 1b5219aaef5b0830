/* SPDX-License-Identifier: MIT */
/*
 * Copying an address space (fork): areas are shared by reference, private entries lose their write permission
 * on both sides, in batches. Locks: the parent's areas_lock for writing; the child is nobody's yet.
 */
#include <quire/batch.h>
#include <quire/block.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/code_events.h>
#include <quire/folio_trim.h>
#include <quire/mm.h>
#include <quire/mm_event.h>
#include <quire/quota.h>
#include <quire/tlb.h>
#include <quire/upcalls.h>

static struct vma *copy_area(struct mm *child, struct vma *from)
{
    if (!from->obj && !(from->flags & VMA_SHARED) && !area_anon(from))
        return NULL;
    struct vma *vma = area_new(child, from->start, from->end, from->prot, from->flags);
    if (!vma)
        return NULL;
    vma->offset = from->offset;
    vma->obj = from->obj;
    vma->anon = from->anon;
    if (vma->obj)
        memobj_get(vma->obj);
    if (vma->anon)
        memobj_get(vma->anon);
    area_insert(vma);
    return vma;
}

/* One entry that isn't as most are: poison, a hole's mark, old, of no folio (any more). Returns frames mapped. */
static __noinline unsigned copy_odd(struct tlb_gather *g, struct vma *to, vaddr_t addr, pte_t *from, pte_t *into)
{
    pte_t e = pte_load(from);

    if (!pte_present(e)) {
        if (unlikely(pte_poisoned(e))) {
            pte_store(into, e); /* what is lost, or in a hole, is so for the child as well */
            hole_mark_get(e);
        }
        return 0;
    }
    struct folio *f = mapped_folio(pte_pfn(e));
    if (f)
        folio_get_mapped(f, 1);
    if (pte_write(e) && !(to->flags & VMA_SHARED)) {
        wrprotect_ptes(g->mm, addr, from, 1);
        e = pte_wrprotect(e);
    }
    set_pte_at(to->mm, addr, into, e);
    return f != NULL;
}

/*
 * The entries of one table; both tables are locked. Returns how many frames the child maps now. Write permission goes
 * on both sides if the area is private. What there is much of is handled right here: folios of one frame, and larger
 * folios as far as their entries are alike. Nobody can take the parent's mappings away meanwhile, so that the child's
 * references may come after its entries.
 */
static __always_inline unsigned copy_run(struct tlb_gather *g, struct vma *to, vaddr_t start, pte_t *from, pte_t *into,
                                         unsigned nr, bool private)
{
    const memdesc_t *words = memory.words;
    unsigned skipped = 0; /* entries that map nothing that is counted */
    pte_t any = {0}, *p = from, *end = from + nr; /* any: all bits that any entry had */
    struct folio *f;

#define ADDR(p) (start + (vaddr_t)((p) - from) * PAGE_SIZE)
#define INTO(p) (into + ((p) - from))
    while (p < end) {
        pte_t e = pte_load(p);
        any.v |= e.v;
        if (pte_same(e, pte_empty(0))) {
            p++;
            skipped++;
        } else if (unlikely(!pte_settled(e) || !entry_folio(words, e, &f))) {
            skipped += 1 - copy_odd(g, to, ADDR(p), p, INTO(p));
            p++;
        } else if (f->order) {
            pte_t *stop = p + (f->pfn + folio_nr_pages(f) - pte_pfn(e));
            pte_t *next = copy_alike(g->mm, start, p, INTO(p), MIN(stop, end), e, private ? pte_wrprotect_settled(e) : e);
            folio_get_mapped(f, (u32)(next - p));
            mm_event(MM_EVENT_ENTRY_SET, ADDR(p), pte_pfn(e), (u64)(next - p));
            p = next; /* where it was when a group had to be undone: again */
        } else {
            pte_t *child = INTO(p);
            do {
                folio_get_mapped(f, 1);
                any.v |= e.v;
                if (private) {
                    pte_break(from, ADDR(p));
                    e = pte_wrprotect_settled(e);
                    pte_store(p, e);
                }
                pte_store(child++, e);
                mm_event(MM_EVENT_ENTRY_SET, ADDR(p), pte_pfn(e), 1);
            } while (++p < end && single_frame(words, e = pte_load_raw(p), &f));
        }
    }
#undef INTO
#undef ADDR
    if (private && pte_write(any))
        tlb_gather_range(g, start, nr);
    return nr - skipped;
}

static __noinline unsigned copy_private(struct tlb_gather *g, struct vma *to, vaddr_t addr, pte_t *from, pte_t *into, unsigned nr)
{
    return copy_run(g, to, addr, from, into, nr, true);
}

static __noinline unsigned copy_shared(struct tlb_gather *g, struct vma *to, vaddr_t addr, pte_t *from, pte_t *into, unsigned nr)
{
    return copy_run(g, to, addr, from, into, nr, false);
}

static int copy_entries(struct tlb_gather *g, struct mm *parent, struct vma *from, struct vma *to)
{
    struct mm *child = to->mm;

    for (vaddr_t addr = from->start, next; addr < from->end; addr = next) {
        unsigned nr;
        pte_t *block, *ptep = next_run(parent, addr, from->end, &nr, &next, &block);
        if (unlikely(block)) {
            int err = block_copy(g, to, addr, block);
            if (err < 0)
                return err;
            if (err)
                next = addr; /* split meanwhile: again, page by page */
        }
        if (preempt_point()) /* also where nothing is, area after area */
            return -EINTR;
        if (!ptep)
            continue;
        pte_t *into = pt_ensure(child, addr, 0);
        if (!into)
            return -ENOMEM;
        spinlock_t *lock = pt_lock(ptep), *child_lock = pt_lock(into);
        spin_lock(lock);
        spin_lock(child_lock); /* nobody else has it, but the rule is the rule */
        unsigned mapped = (to->flags & VMA_SHARED ? copy_shared : copy_private)(g, to, addr, ptep, into, nr);
        counter_inc(COUNTER_COPY_CALLS);
        counter_add(COUNTER_COPY_ENTRIES, mapped);
        __atomic_fetch_add(&child->nr_mapped, mapped, __ATOMIC_RELAXED);
        spin_unlock(child_lock);
        spin_unlock(lock);
    }
    return 0;
}

static struct mm *clone(struct mm *mm)
{
    struct mm *child = mm_create();
    struct tlb_gather g;
    int err = 0;

    if (!child)
        return NULL;
    if (mm->quota && mm_set_quota(child, mm->quota)) {
        mm_put(child);
        return NULL;
    }
    tlb_gather_begin(&g, mm);
    rwsem_write_lock(&mm->areas_lock);
    child->need_gen = READ_ONCE(mm->need_gen); /* another thread may raise it: what it syncs then is in its own space */
    code_published(child, child->need_gen);
    child->stack_limit = mm->stack_limit;
    struct tree_node *first = tree_first(&mm->areas);
    for (struct vma *vma = first ? container_of(first, struct vma, node) : NULL; vma && !err; vma = area_next(vma)) {
        if (vma->flags & VMA_HOLE)
            continue; /* a guest shared it with this process, not with its children */
        struct vma *copy = copy_area(child, vma);
        err = copy ? copy_entries(&g, mm, vma, copy) : -ENOMEM;
    }
    tlb_gather_end(&g);
    rwsem_write_unlock(&mm->areas_lock);
    if (err) {
        mm_put(child);
        return NULL;
    }
    return child;
}

struct mm *mm_clone(struct mm *mm)
{
    struct mm *child;

    while (!(child = clone(mm)) && folios_trim_for(mm->quota))
        ;
    return child;
}
