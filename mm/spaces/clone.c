/* SPDX-License-Identifier: MIT */
/*
 * Copying an address space (fork). Parent and child share objects by reference; private entries lose their write
 * permission on both sides, in batches. Locks: the parent's areas_lock for writing; nobody else has the child yet.
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
#include "areas.h"

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

/* The state of a copy of one run of entries; both tables are locked. */
struct copying {
    struct tlb_gather *g;         /* of the parent's address space */
    struct vma *to;
    bool private;                 /* write permission is taken away on both sides */
    vaddr_t start;                /* the address of the first entry's page */
    pte_t *first, *p, *end, *into; /* p: the next entry; into: the child's first entry */
    unsigned skipped;             /* entries that map no counted frame */
    pte_t any;                    /* all bits that any entry had */
};

static __always_inline vaddr_t address_of(const struct copying *c)
{
    return c->start + (vaddr_t)(c->p - c->first) * PAGE_SIZE;
}

static __always_inline pte_t *childs(const struct copying *c) { return c->into + (c->p - c->first); }

/* Copies poison, a hole's mark, an old entry, or a frame of no folio (any more). Returns how many frames that maps. */
static __noinline unsigned copy_odd_entry(struct tlb_gather *g, struct vma *to, vaddr_t addr, pte_t *from, pte_t *into)
{
    pte_t e = pte_load(from);

    if (!pte_present(e)) {
        if (unlikely(pte_poisoned(e))) {
            pte_store(into, e); /* a page that is lost or in a hole is so for the child as well */
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

static __always_inline void copy_group(struct copying *c, const struct entries *run)
{
    pte_t copy = run->first;

    if (c->private && pte_write(copy)) {
        bool plain = plain_begin(c->g);
        copy = pte_wrprotect_settled(copy);
        if (!plain)
            break_run(c->p, address_of(c), PT_CONT);
        store_group(c->p, copy);
        plain_end(c->g, plain);
    }
    store_group(childs(c), copy);
    folio_get_mapped(run->folio, PT_CONT);
    mm_event(MM_EVENT_ENTRY_SET, address_of(c), run->folio->pfn, PT_CONT);
    c->p += PT_CONT;
}

/* Copies entries of one folio as long as they are alike. None: a group was undone; the next call copies its entries. */
static __always_inline void copy_folio(struct copying *c, const struct entries *run)
{
    pte_t copy = c->private ? pte_wrprotect_settled(run->first) : run->first;
    unsigned nr = copy_alike(c->g->mm, c->start, c->p, childs(c), run->nr, run->first, copy);

    folio_get_mapped(run->folio, nr);
    mm_event(MM_EVENT_ENTRY_SET, address_of(c), pte_pfn(run->first), nr);
    c->p += nr;
}

/*
 * Copies entries of one-frame folios from p on, as many as follow each other. `f` is the first one's. Returns how many
 * entries that were.
 */
static __always_inline u64 copy_frames(struct tlb_gather *g, bool private, struct folio *f, vaddr_t addr, pte_t *p,
                                       const pte_t *end, pte_t *into)
{
    const memdesc_t *words = memory.words;
    pte_t *first = p, any = {0};
    vaddr_t start = addr;
    bool plain = private && plain_begin(g);

    do {
        pte_t e = pte_load_raw(p);
        any.v |= e.v;
        folio_get_mapped(f, 1);
        if (private) {
            if (!plain)
                pte_break(first, addr);
            e = pte_wrprotect_settled(e);
            pte_store(p, e);
        }
        pte_store(into++, e);
        mm_event(MM_EVENT_ENTRY_SET, addr, pte_pfn(e), 1);
        addr += PAGE_SIZE;
    } while (++p < end && entry_is_frame(words, pte_load_raw(p), &f));
    plain_end(g, plain);
    if (private && pte_write(any))
        tlb_gather_range(g, start, (u64)(p - first));
    return (u64)(p - first);
}

/* Both have the loop in a function of its own, because it needs all registers. */
static __noinline u64 copy_private_frames(struct tlb_gather *g, struct folio *f, vaddr_t addr, pte_t *p,
                                          const pte_t *end, pte_t *into)
{
    return copy_frames(g, true, f, addr, p, end, into);
}

static __noinline u64 copy_shared_frames(struct folio *f, vaddr_t addr, pte_t *p, const pte_t *end, pte_t *into)
{
    return copy_frames(NULL, false, f, addr, p, end, into);
}

/*
 * Copies a run; returns how many frames the child maps now. Nobody can remove the parent's mappings meanwhile, so the
 * child's references may be counted after its entries are stored.
 */
static __always_inline unsigned copy_run(struct copying c)
{
    const memdesc_t *words = memory.words;

    while (c.p < c.end) {
        struct entries run = next_entries(words, c.p, c.end);
        c.any.v |= run.first.v;
        switch (run.kind) {
        case ENTRY_EMPTY:
            c.p++;
            c.skipped++;
            break;
        case ENTRY_FRAME:
            c.p += c.private ? copy_private_frames(c.g, run.folio, address_of(&c), c.p, c.end, childs(&c))
                             : copy_shared_frames(run.folio, address_of(&c), c.p, c.end, childs(&c));
            break;
        case ENTRY_GROUP:
            copy_group(&c, &run);
            break;
        case ENTRY_FOLIO:
            copy_folio(&c, &run);
            break;
        case ENTRY_ODD:
            c.skipped += 1 - copy_odd_entry(c.g, c.to, address_of(&c), c.p, childs(&c));
            c.p++;
            break;
        }
    }
    unsigned nr = (unsigned)(c.p - c.first);
    if (c.private && pte_write(c.any))
        tlb_gather_range(c.g, c.start, nr);
    return nr - c.skipped;
}

static __noinline unsigned copy_private(struct tlb_gather *g, struct vma *to, vaddr_t addr, pte_t *from, pte_t *into,
                                        unsigned nr)
{
    return copy_run((struct copying){g, to, true, addr, from, from, from + nr, into, 0, {0}});
}

static __noinline unsigned copy_shared(struct tlb_gather *g, struct vma *to, vaddr_t addr, pte_t *from, pte_t *into,
                                       unsigned nr)
{
    return copy_run((struct copying){g, to, false, addr, from, from, from + nr, into, 0, {0}});
}

static int copy_entries(struct tlb_gather *g, struct mm *parent, struct vma *from, struct vma *to)
{
    struct mm *child = to->mm;

    for_each_run(run, &parent->root, from->start, from->end) {
        if (unlikely(run.kind == RUN_BLOCK)) {
            int err = block_copy(g, to, run.addr, run.ptep);
            if (err < 0)
                return err;
            if (err) /* the block was split meanwhile */
                run_again(&run);
        }
        if (preempt_point()) /* also where no table is */
            return -EINTR;
        if (run.kind != RUN_ENTRIES)
            continue;
        pte_t *into = pt_ensure(child, run.addr, 0);
        if (!into)
            return -ENOMEM;
        spinlock_t *lock = pt_lock(run.ptep), *child_lock = pt_lock(into);
        spin_lock(lock);
        spin_lock(child_lock); /* nobody else has the child; set_ptes() still asserts its lock */
        unsigned mapped = to->flags & VMA_SHARED ? copy_shared(g, to, run.addr, run.ptep, into, run.nr)
                                                 : copy_private(g, to, run.addr, run.ptep, into, run.nr);
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
    child->need_gen = READ_ONCE(mm->need_gen); /* another thread may raise it later; that concerns the parent only */
    code_published(child, child->need_gen);
    child->stack_limit = mm->stack_limit;
    struct tree_node *first = tree_first(&mm->areas);
    for (struct vma *vma = first ? container_of(first, struct vma, node) : NULL; vma && !err; vma = area_next(vma)) {
        if (vma->flags & (VMA_HOLE | VMA_DEVICE))
            continue; /* a guest shared its memory with this process, not with its children; nor do they drive its
                         devices */
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
