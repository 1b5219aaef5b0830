/* SPDX-License-Identifier: MIT */
/* System calls that report what the machine and its processes are doing. */
#include <quire/buddy.h>
#include <quire/console.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/frame_cache.h>
#include <quire/hole.h>
#include <quire/log.h>
#include <quire/upcalls.h>
#include <quire/object.h>
#include <quire/process.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/sys.h>
#include <arch-generic/machine.h>
#include <arch-generic/paging.h>
#include <uapi/quire/abi.h>

/* The id of the process that made p; 0: that one has ended. */
static u64 parent_of(const struct process *p)
{
    struct process *maker = p->maker_id ? process_by_id(p->maker_id) : NULL;
    bool lives = maker && !process_ended(maker);

    object_put((struct object *)maker);
    return lives ? p->maker_id : 0;
}

s64 sys_process_info(struct trapframe *tf)
{
    struct quire_process info = {0};
    struct process *p = tf_arg(tf, 0) < 1UL << 20 ? process_by_index((unsigned)tf_arg(tf, 0)) : NULL;

    if (!p)
        return -ENOENT;
    info.id = p->id;
    info.parent = parent_of(p);
    info.exited = process_ended(p);
    strlcpy(info.name, p->name, sizeof(info.name));
    bool runs = false;
    spin_lock(&p->lock); /* threads in the list aren't freed meanwhile */
    info.threads = p->nr_threads;
    list_for_each(node, &p->threads) {
        const struct thread *t = list_entry(node, struct thread, process_link);
        info.run_ns += t->run_ns;
        info.cpu = t->cpu;
        runs |= READ_ONCE(t->state) == THREAD_RUNNING;
    }
    struct mm *mm = p->nr_threads ? p->mm : NULL;
    if (mm) {
        info.frames = mm->nr_mapped;
        info.tables = mm->nr_table_frames;
    }
    spin_unlock(&p->lock);
    strlcpy(info.state, info.exited ? "ended" : runs ? "runs" : "waits", sizeof(info.state));
    info.quota_used = quota_used(p->quota);
    info.quota_limit = quota_limit(p->quota);
    object_put(&p->object);
    return copy_out(user_arg(tf, 1), &info, sizeof(info));
}

/* Folios by order: each is counted at its first frame. Ends early when the caller is killed. */
static void count_folios(struct quire_memory *m)
{
    unsigned looks = 0;

    for (pfn_t pfn = memory.first; pfn < memory.end; pfn++) {
        if (++looks % 512 == 0 && preempt_point())
            return;
        struct folio *f = pfn_folio_get(pfn);
        if (!f)
            continue;
        pfn_t last = f->pfn + folio_nr_pages(f) - 1;
        if (f->pfn == pfn || !memdesc_type(memdesc_read(f->pfn))) {
            m->folios[f->order]++;
            m->folios_with_holes += folio_has_hole(f);
        }
        folio_put(f);
        pfn = MAX(pfn, last);
    }
}

s64 sys_memory_info(struct trapframe *tf)
{
    struct quire_memory *m = kmalloc(sizeof(*m));

    if (!m)
        return -ENOMEM;
    u64 counts[MEMDESC_NR_TYPES];
    m->frames = memory.nr_frames;
    memdesc_count(counts);
    for (unsigned t = 0; t < MEMDESC_NR_TYPES; t++) {
        m->type[t] = counts[t];
        strlcpy(m->type_name[t], memdesc_type_name(t), sizeof(m->type_name[t]));
    }
    m->free_frames = buddy.nr_free + frame_cache_frames();
    for (unsigned order = 0; order < BUDDY_NR_ORDERS; order++)
        m->free_blocks[order] = buddy.free_blocks[order];
    count_folios(m);
    m->holes = holes_in_use();
    m->poisoned = counts[MEMDESC_HWPOISON];
    m->slab_objects = slab_objects_in_use();
    m->cpus = nr_cpus;
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        m->cpus_online += cpu_area(cpu)->online;
    int err = copy_out(user_arg(tf, 0), m, sizeof(*m));
    kfree(m);
    return err;
}

/* nr frames under one block entry, from the frame on that `e` shows. */
static void describe_block(struct quire_area *a, pte_t e, u64 nr)
{
    struct folio *f = pfn_folio_get(pte_pfn(e));

    if (f) {
        a->folios[f->order]++;
        folio_put(f);
    }
    a->block_entries++;
    a->mapped += nr;
    a->batches++;
    a->largest_batch = MAX(a->largest_batch, nr);
}

/* Entries of a batch that are in groups. A batch may begin or end with single entries where a group was unfolded. */
static u64 entries_in_groups(const pte_t *ptep, unsigned nr)
{
    u64 in = 0;

    for (unsigned i = 0; i < nr; i++)
        in += pte_reach(pte_load_raw(ptep + i), 0) > 1;
    return in;
}

static void describe_entries(struct vma *vma, struct quire_area *a)
{
    unsigned looks = 0;

    for (vaddr_t addr = vma->start; addr < vma->end;) {
        unsigned level;
        if (++looks % 512 == 0 && preempt_point())
            return;
        pte_t *ptep = pt_walk(&vma->mm->root, addr, &level);
        if (level) {
            vaddr_t next = MIN(vma->end, ALIGN_DOWN(addr, pt_span(level)) + pt_span(level));
            if (pde_leaf(pte_load(ptep), level))
                describe_block(a, pt_lookup(&vma->mm->root, addr), (next - addr) >> PAGE_SHIFT);
            addr = next;
            continue;
        }
        pte_t e = pte_load(ptep);
        a->broken_entries += pte_poisoned(e);
        if (!pte_present(e)) {
            addr += PAGE_SIZE;
            continue;
        }
        unsigned max = (unsigned)MIN(PT_ENTRIES(0) - pt_index(addr, 0), (vma->end - addr) >> PAGE_SHIFT), n = 1;
        struct folio *f = pfn_folio_get(pte_pfn(e));
        memdesc_t word = memdesc_read(pte_pfn(e));
        n = folio_pte_batch(ptep, e, max, f ? f->pfn + folio_nr_pages(f) : vma->hole ? PFN_NONE : pte_pfn(e) + 1);
        if (f) {
            a->folios[f->order]++;
            folio_put(f);
        }
        if (memdesc_type(word) == MEMDESC_HOLE)
            a->hole_entries += n;
        if (memdesc_type(word) == MEMDESC_MISC && memdesc_misc(word) == MISC_ZERO)
            a->zero_entries += n;
        a->contiguous_entries += entries_in_groups(ptep, n);
        a->mapped += n;
        a->batches++;
        a->largest_batch = MAX(a->largest_batch, (u64)n);
        addr += (vaddr_t)n * PAGE_SIZE;
    }
}

static int describe_area(struct mm *mm, u64 index, struct quire_area *a)
{
    rwsem_read_lock(&mm->areas_lock);
    struct tree_node *node = tree_first(&mm->areas);
    while (node && index--) {
        node = tree_next(node);
        if (index % 512 == 0 && preempt_point())
            break;
    }
    if (node) {
        struct vma *vma = container_of(node, struct vma, node);
        a->start = vma->start;
        a->end = vma->end;
        a->offset = vma->offset << PAGE_SHIFT;
        a->prot = vma->prot;
        a->flags = (vma->flags & VMA_SHARED ? QUIRE_AREA_SHARED : 0u) | (vma->flags & VMA_STACK ? QUIRE_AREA_STACK : 0u) |
                   (vma->flags & VMA_HOLE ? QUIRE_AREA_HOLE : 0u) | (vma->obj ? QUIRE_AREA_OBJECT : 0u);
        describe_entries(vma, a);
    }
    rwsem_read_unlock(&mm->areas_lock);
    return node ? 0 : -ENOENT;
}

s64 sys_area_info(struct trapframe *tf)
{
    struct quire_area a = {0};
    struct process *p = tf_arg(tf, 0) ? process_by_id(tf_arg(tf, 0)) : NULL;
    struct process *self = current_process();

    if (tf_arg(tf, 0) && !p)
        return -ESRCH;
    struct mm *mm = process_mm(p ? p : self);
    int err = mm ? describe_area(mm, tf_arg(tf, 1), &a) : -ESRCH;
    if (mm)
        mm_put(mm);
    if (p)
        object_put(&p->object);
    return err ? err : copy_out(user_arg(tf, 2), &a, sizeof(a));
}

s64 sys_counter(struct trapframe *tf)
{
    return tf_arg(tf, 0) < COUNTER_COUNT ? (s64)counter_read((enum counter)tf_arg(tf, 0)) : -EINVAL;
}

/*
 * Allowed for the first programs and those that they start. Deeper programs may not, and nobody may while tests run.
 * Any program but the first one is named, so that none can end the machine in init's place without a trace.
 */
s64 sys_poweroff(struct trapframe *tf)
{
    struct process *self = current_process();

    if (self->depth > PROCESS_OWN_ACCOUNTS || console_tests_run())
        return -EPERM;
    if (self->id != FIRST_PROCESS)
        kprint_line("%s (process %lu) powers the machine off\n", self->name, self->id);
    machine_poweroff((int)(tf_arg(tf, 0) & 127));
}
