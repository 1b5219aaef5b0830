/* SPDX-License-Identifier: MIT */
/*
 * How an address is translated, for programs: the walk level by level, and what the frame's word says.
 * arch/<machine>/pte_text.c describes an entry's bits.
 */
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/poison.h>
#include <quire/process.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/sys.h>
#include <arch-generic/paging.h>
#include <uapi/quire/abi.h>

_Static_assert(PT_LEVELS <= QUIRE_WALK_LEVELS, "struct quire_walk has room for all levels");

/* Walk from the top table down. Returns the entry where the walk ends, and its level. */
static pte_t take_steps(const struct pt_root *root, vaddr_t addr, struct quire_walk *w, unsigned *end_level)
{
    pte_t *table = paddr_address(root->table);

    for (unsigned level = PT_LEVELS - 1;; level--) {
        struct quire_walk_step *step = &w->step[w->steps++];
        pte_t e = pte_load_raw(table + pt_index(addr, level));
        bool present = level ? pde_present(e, level) : pte_present(e);
        *step = (struct quire_walk_step){.level = level, .table = paddr_value(address_paddr(table)),
                                         .index = pt_index(addr, level), .entry = e.v};
        if (present)
            arch_pte_text(e, level, step->text, sizeof(step->text));
        else
            strlcpy(step->text, level == 0 && pte_poisoned(e) ? "a mark: the frame here was broken" : "empty",
                    sizeof(step->text));
        if (!present || level == 0 || pde_leaf(e, level)) {
            *end_level = level;
            return e;
        }
        table = pt_table_of(e, level);
    }
}

static void tell_hole(pfn_t pfn, struct quire_walk *w)
{
    struct insecure_mem *h = pfn_hole_get(pfn);

    if (!h)
        return;
    w->hole_first = h->first;
    w->hole_nr = h->nr;
    w->hole_refs = (u64)hole_ref_count(h) - 1; /* without this function's own reference */
    w->hole_mapped = h->map_count;
    hole_put(h);
}

static void tell_folio(pfn_t pfn, struct quire_walk *w)
{
    struct folio *f = pfn_folio_get(pfn);

    if (!f)
        return;
    w->folio_first = f->pfn;
    w->folio_order = f->order;
    w->folio_refs = (u64)folio_ref_count(f) - 1;
    w->folio_mapped = (u64)folio_map_count(f);
    w->folio_holes = folio_has_hole(f) ? f->nr_holes : 0;
    w->folio_broken = folio_has_poison(f);
    folio_put(f);
}

static void tell_frame(pfn_t pfn, struct quire_walk *w)
{
    memdesc_t word = memdesc_read(pfn);

    w->frame = pfn;
    w->word = word;
    strlcpy(w->type, memdesc_type_name(memdesc_type(word)), sizeof(w->type));
    if (memdesc_type(word) == MEMDESC_MISC)
        strlcpy(w->kind, memdesc_misc_name(memdesc_misc(word)), sizeof(w->kind));
    tell_hole(pfn, w);
    tell_folio(pfn, w);
}

/* Under the areas' lock no table is freed, and so no frame that an entry shows. */
static void describe_walk(struct mm *mm, vaddr_t addr, struct quire_walk *w)
{
    unsigned level;

    rwsem_read_lock(&mm->areas_lock);
    struct vma *vma = area_find(mm, addr);
    if (vma) {
        w->area_start = vma->start;
        w->area_end = vma->end;
    }
    pte_t e = take_steps(&mm->root, addr, w, &level);
    pte_t page = pt_lookup(&mm->root, addr);
    if (pte_present(page)) {
        w->end = pte_accessible(page) ? QUIRE_WALK_FRAME : QUIRE_WALK_CLOSED;
        w->reach = pte_reach(e, level);
        tell_frame(pte_pfn(page), w);
    } else {
        w->end = level == 0 && pte_poisoned(e) ? QUIRE_WALK_BROKEN : QUIRE_WALK_EMPTY;
    }
    rwsem_read_unlock(&mm->areas_lock);
}

/* -ESRCH: no such process, or it ends; -EFAULT: not in user space. */
s64 sys_walk_info(struct trapframe *tf)
{
    struct process *p = tf_arg(tf, 0) ? process_by_id(tf_arg(tf, 0)) : NULL;
    vaddr_t addr = tf_arg(tf, 1);

    if (tf_arg(tf, 0) && !p)
        return -ESRCH;
    struct mm *mm = process_mm(p ? p : current_process());
    if (p)
        object_put(&p->object);
    if (!mm)
        return -ESRCH;
    struct quire_walk *w = kmalloc(sizeof(*w));
    int err = !w ? -ENOMEM : addr >= USER_TOP ? -EFAULT : 0;
    if (!err) {
        describe_walk(mm, addr, w);
        err = copy_out(user_arg(tf, 2), w, sizeof(*w));
    }
    kfree(w);
    mm_put(mm);
    return err;
}
