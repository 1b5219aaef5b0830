/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: making and ending them, mapping and finding room. Contracts in <quire/mm.h>.
 */
#include <quire/mm.h>
#include <quire/errno.h>
#include <quire/folio_trim.h>
#include <quire/hole.h>
#include <quire/log.h>
#include <quire/upcalls.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/tlb.h>

#define MMAP_BASE (1UL << 32) /* first address for mappings that don't say where */

static SLAB_CACHE(mm_cache, mm, partial_tables, false);

/* The kernel's part of the top table never changes after boot, so copies of its few entries are as good. */
static void share_kernel_entries(pte_t *top)
{
    static u16 used[16];
    static unsigned nr_used; /* whoever counts them comes to the same result */
    const pte_t *kernel = paddr_address(kernel_root()->table);

    if (!PT_KERNEL_IN_USER_ROOT)
        return;
    if (unlikely(!nr_used)) {
        unsigned nr = 0;
        for (u64 i = PT_TOP_USER_ENTRIES; i < PT_ENTRIES(PT_LEVELS - 1); i++) {
            if (!pde_present(kernel[i], PT_LEVELS - 1))
                continue;
            KASSERT(nr < ARRAY_SIZE(used), "the kernel uses more than %u entries of its top table", nr);
            used[nr++] = (u16)i;
        }
        __atomic_store_n(&nr_used, nr, __ATOMIC_RELEASE);
    }
    for (unsigned i = 0, nr = __atomic_load_n(&nr_used, __ATOMIC_ACQUIRE); i < nr; i++)
        top[used[i]] = kernel[used[i]];
}

struct mm *mm_create(void)
{
    struct mm *mm = slab_alloc(&mm_cache);

    if (!mm)
        return NULL;
    list_init(&mm->partial_tables);
    rwsem_init(&mm->areas_lock);
    pte_t *top = pt_table_alloc(NULL, PT_LEVELS - 1);
    if (!top) {
        slab_free(&mm_cache, mm);
        return NULL;
    }
    share_kernel_entries(top);
    mm->root.table = address_paddr(top);
    mm->refs = 1;
    mm->stack_limit = STACK_LIMIT_DEFAULT;
    return mm;
}

#define ROOT_FRAMES DIV_ROUND_UP(PT_TABLE_BYTES(PT_LEVELS - 1), PAGE_SIZE)

int mm_set_quota(struct mm *mm, struct quota *quota)
{
    if (!quota_charge(quota, ROOT_FRAMES))
        return -ENOMEM;
    if (!quota_keep(quota, SLAB_COST(mm))) {
        quota_uncharge(quota, ROOT_FRAMES);
        return -ENOMEM;
    }
    quota_get(quota);
    mm->quota = quota;
    return 0;
}

/* No area is left, so neither is any table below the top. */
void mm_put(struct mm *mm)
{
    if (__atomic_sub_fetch(&mm->refs, 1, __ATOMIC_ACQ_REL))
        return;
    rwsem_write_lock(&mm->areas_lock);
    unmap_all(mm);
    if (mm->nr_table_frames) /* made for no area: pt_ensure() by somebody who then gave up */
        unmap_tables(mm, 0, USER_TOP);
    rwsem_write_unlock(&mm->areas_lock);
    KASSERT(mm->nr_mapped == 0, "address space ends with %lu frames still mapped", mm->nr_mapped);
    KASSERT(mm->nr_table_frames == 0, "address space ends with %lu page tables left", mm->nr_table_frames);
    if (mm->root.cpumask)
        tlb_flush_range(mm, 0, 0);
    asid_forget();
    pt_table_free(paddr_address(mm->root.table));
    if (mm->quota) {
        quota_let_go(mm->quota, SLAB_COST(mm));
        quota_uncharge(mm->quota, ROOT_FRAMES);
        quota_put(mm->quota);
    }
    slab_free(&mm_cache, mm);
}

u64 mm_objects_in_use(void) { return slab_in_use(&mm_cache); }

pte_t mm_lookup(struct mm *mm, vaddr_t addr)
{
    if (addr >= USER_TOP)
        return pte_empty(0);
    if (locks_held())
        return pt_lookup(&mm->root, addr);
    rwsem_read_lock(&mm->areas_lock); /* else another thread's munmap() frees the tables under the walk */
    pte_t e = pt_lookup(&mm->root, addr);
    rwsem_read_unlock(&mm->areas_lock);
    return e;
}

/* --- finding room ------------------------------------------------------------------------------ */
/*
 * The one rule of where memory may go if the caller doesn't insist (MAP_FIXED): over no area, into no stack's guard
 * gap, and, as long as there is other room, not where a stack may still grow to. A stack leaves a gap below itself,
 * too.
 */
struct room {
    size_t len, align;
    size_t below; /* kept free below: a new stack's guard gap */
    bool spare_stacks;
};

/* Where the area begins, with all that it claims below itself. */
static vaddr_t claim_of(const struct mm *mm, struct vma *vma, const struct room *room)
{
    if (!(vma->flags & VMA_STACK))
        return vma->start;
    vaddr_t start = room->spare_stacks ? MIN(stack_lowest(mm, vma), vma->start) : vma->start;
    return start > STACK_GUARD_GAP ? start - STACK_GUARD_GAP : 0;
}

/*
 * `next`: the first area that ends above at; `at` isn't inside the one below. What a stack claims takes a look at all
 * its pieces: only the lowest of them is asked, for no other has room before it.
 */
static bool fits(const struct mm *mm, vaddr_t at, struct vma *next, const struct room *room)
{
    vaddr_t limit = next ? next->start : USER_TOP;

    if (at > limit || limit - at < room->len)
        return false;
    limit = next ? claim_of(mm, next, room) : limit;
    return at <= limit && limit - at >= room->len;
}

/* Whether memory may go exactly there. */
static bool room_at(struct mm *mm, vaddr_t at, const struct room *room)
{
    if (!IS_ALIGNED(at, PAGE_SIZE) || !user_range_ok(at, room->len) || at < PAGE_SIZE + room->below)
        return false;
    return fits(mm, at, area_at_or_above(mm, at - room->below), room);
}

static vaddr_t find_gap(struct mm *mm, vaddr_t from, const struct room *room)
{
    vaddr_t at = ALIGN_UP(from, room->align);

    for (struct vma *vma = area_at_or_above(mm, at); vma; vma = area_next(vma)) {
        if (fits(mm, at, vma, room))
            break;
        if (preempt_point())
            return 0;
        at = MAX(at, ALIGN_UP(vma->end + room->below, room->align));
    }
    return user_range_ok(at, room->len) ? at : 0;
}

/* 0: no room. `flags`: MAP_*. */
static vaddr_t choose_address(struct mm *mm, vaddr_t hint, size_t len, unsigned flags)
{
    /* Large mappings get an alignment that blocks and default folios fit. */
    struct room room = {
        .len = len,
        .align = len >= 2 * MiB ? 2 * MiB : len >= 64 * KiB ? 64 * KiB : PAGE_SIZE,
        .below = flags & MAP_GROWSDOWN ? STACK_GUARD_GAP : 0,
        .spare_stacks = true,
    };

    if (hint && room_at(mm, hint, &room))
        return hint;
    vaddr_t at = find_gap(mm, MMAP_BASE, &room);
    room.spare_stacks = false;
    at = at ? at : find_gap(mm, MMAP_BASE, &room);
    room.align = PAGE_SIZE;
    return at ? at : find_gap(mm, PAGE_SIZE * 16, &room);
}

static bool range_is_free(struct mm *mm, vaddr_t addr, size_t len)
{
    struct vma *vma = area_at_or_above(mm, addr);
    return !vma || vma->start >= addr + len;
}

/* --- mapping ----------------------------------------------------------------------------------- */
/*
 * Whatever a page may be used for, it may be read: not every machine can tell, and an access must always say the
 * same.
 */
static unsigned readable(unsigned prot) { return prot ? prot | PROT_READ : prot; }

static int check_map(vaddr_t addr, size_t len, unsigned prot, unsigned flags, const struct memobj *obj, u64 offset)
{
    bool shared = flags & MAP_SHARED, private = flags & MAP_PRIVATE;
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);

    if (len == 0 || shared == private || (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)))
        return -EINVAL;
    if (!IS_ALIGNED(offset, PAGE_SIZE) || (fixed && !IS_ALIGNED(addr, PAGE_SIZE)))
        return -EINVAL;
    if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
        return -EACCES; /* nothing is both writable and executable */
    if ((flags & MAP_GROWSDOWN) && (shared || obj))
        return -EINVAL; /* an object's pages would move: stacks are private memory */
    if ((flags & MAP_NOWRITE) && shared && (prot & PROT_WRITE))
        return -EACCES;
    if (len > USER_TOP || (fixed && !user_range_ok(addr, ALIGN_UP(len, PAGE_SIZE))))
        return -ENOMEM;
    if (fixed && addr < PAGE_SIZE)
        return -EPERM; /* nothing is mapped at null */
    if (obj && offset >> PAGE_SHIFT >= obj->nr_pages)
        return -EINVAL;
    return 0;
}

/* An area that ends where the new one begins (or begins where it ends) and is of the same making grows. */
static bool can_merge(const struct vma *low, const struct vma *high)
{
    return low && high && low->end == high->start && low->prot == high->prot && low->flags == high->flags &&
           low->obj == high->obj && low->anon == high->anon && low->hole == high->hole &&
           ((!low->obj && !low->hole) || area_page(low, low->end) == high->offset);
}

static void try_merge(struct vma *vma)
{
    struct tree_node *p = tree_prev(&vma->node);
    struct vma *prev = p ? container_of(p, struct vma, node) : NULL;

    if (can_merge(prev, vma)) {
        area_grow_up(prev, vma->end); /* a reverse-map walk sees both for a moment, never neither */
        area_free(vma);
        vma = prev;
    }
    struct vma *next = area_next(vma);
    if (can_merge(vma, next)) {
        area_grow_up(vma, next->end);
        area_free(next);
    }
}

static int map_locked(struct mm *mm, vaddr_t *addr, size_t len, unsigned prot, unsigned flags, struct memobj *obj,
                      u64 offset)
{
    vaddr_t at = *addr;

    if (flags & MAP_FIXED_NOREPLACE) {
        if (!range_is_free(mm, at, len))
            return -EEXIST;
    } else if (!(flags & MAP_FIXED)) {
        at = choose_address(mm, at, len, flags);
        if (!at)
            return -ENOMEM;
    }
    struct vma *vma = area_new(mm, at, at + len, prot, flags & MAP_SHARED ? VMA_SHARED : 0);
    if (!vma)
        return -ENOMEM;
    if (flags & MAP_GROWSDOWN)
        vma->flags |= VMA_STACK;
    if ((flags & MAP_NOWRITE) && (flags & MAP_SHARED))
        vma->flags |= VMA_NOWRITE;
    if ((flags & MAP_SHARED) && !obj) { /* shared anonymous memory has an object of its own */
        obj = memobj_create(MEMOBJ_BACKED, len >> PAGE_SHIFT, mm->quota);
        if (!obj) {
            area_discard(vma);
            return -ENOMEM;
        }
    } else if (obj) {
        memobj_get(obj);
    }
    vma->obj = obj;
    vma->offset = offset >> PAGE_SHIFT;
    if (flags & MAP_FIXED) {
        int err = unmap_areas(mm, at, len);
        if (err) {
            if (obj)
                memobj_put(obj);
            area_discard(vma);
            return err;
        }
    }
    /* Private anonymous memory next to its like shares the owner, so that the two can be one area. */
    struct vma *below = at ? area_find(mm, at - 1) : NULL;
    if (!obj && below && !below->obj && below->anon && below->prot == prot && below->flags == vma->flags) {
        vma->anon = below->anon;
        memobj_get(vma->anon);
    }
    area_insert(vma);
    try_merge(vma);
    *addr = at;
    return 0;
}

int mm_map(struct mm *mm, vaddr_t *addr, size_t len, unsigned prot, unsigned flags, struct memobj *obj, u64 offset)
{
    int err = check_map(*addr, len, prot, flags, obj, offset);

    if (err)
        return err;
    do {
        rwsem_write_lock(&mm->areas_lock);
        err = map_locked(mm, addr, ALIGN_UP(len, PAGE_SIZE), readable(prot), flags, obj, offset);
        rwsem_write_unlock(&mm->areas_lock);
    } while (err == -ENOMEM && folios_trim_for(mm->quota));
    return err;
}

int areas_cut(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct vma *vma = area_find(mm, start);
    int err = vma && vma->start < start ? area_split(vma, start) : 0;

    if (err)
        return err;
    vma = area_find(mm, end - 1);
    err = vma && vma->end > end ? area_split(vma, end) : 0;
    if (err && (vma = area_find(mm, start)) != NULL)
        try_merge(vma); /* an operation that fails changes nothing */
    return err;
}

int unmap_areas(struct mm *mm, vaddr_t start, size_t len)
{
    vaddr_t end = start + len;
    int err = areas_cut(mm, start, end);

    if (err)
        return err;
    struct vma *vma = area_at_or_above(mm, start);
    if (!vma || vma->start >= end)
        return 0;
    unmap_range(mm, start, end);
    while (vma && vma->start < end) {
        struct vma *next = area_step(vma);
        area_free(vma);
        vma = next;
    }
    unmap_tables(mm, start, end);
    return 0;
}

static int check_range(vaddr_t addr, size_t len)
{
    if (!len || !IS_ALIGNED(addr, PAGE_SIZE) || len > USER_TOP || !user_range_ok(addr, ALIGN_UP(len, PAGE_SIZE)))
        return -EINVAL;
    return 0;
}

int mm_unmap(struct mm *mm, vaddr_t addr, size_t len)
{
    int err = check_range(addr, len);

    if (err)
        return err;
    rwsem_write_lock(&mm->areas_lock);
    err = unmap_areas(mm, addr, ALIGN_UP(len, PAGE_SIZE));
    rwsem_write_unlock(&mm->areas_lock);
    return err;
}

bool areas_cover(struct mm *mm, vaddr_t start, vaddr_t end)
{
    for (struct vma *vma = area_find(mm, start); vma; vma = area_next(vma)) {
        if (vma->start > start)
            return false;
        start = vma->end;
        if (start >= end)
            return true;
        if (preempt_point())
            break;
    }
    return false;
}

/* 0: every area of [start, end), which areas cover, may get this protection. */
static int may_protect(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot)
{
    for (struct vma *vma = area_find(mm, start); vma && vma->start < end; vma = area_step(vma)) {
        if ((prot & PROT_WRITE) && (vma->flags & VMA_NOWRITE))
            return -EACCES; /* the handle that it was mapped by doesn't allow it */
        if ((prot & PROT_EXEC) && (vma->flags & VMA_HOLE))
            return -EACCES; /* a guest writes there when it likes */
    }
    return 0;
}

int mm_protect(struct mm *mm, vaddr_t addr, size_t len, unsigned prot)
{
    int err = check_range(addr, len);

    if (err || prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC))
        return -EINVAL;
    if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
        return -EACCES;
    vaddr_t end = addr + ALIGN_UP(len, PAGE_SIZE);
    rwsem_write_lock(&mm->areas_lock);
    prot = readable(prot);
    err = areas_cover(mm, addr, end) ? may_protect(mm, addr, end, prot) : -ENOMEM;
    if (!err)
        err = areas_cut(mm, addr, end);
    if (!err) {
        for (struct vma *vma = area_find(mm, addr); vma && vma->start < end; vma = area_step(vma))
            vma->prot = prot;
        protect_range(mm, addr, end, prot);
        struct vma *vma = area_find(mm, addr);
        while (vma && vma->start <= end) { /* try_merge frees what it merges: look up again behind it */
            vaddr_t next = vma->end;
            try_merge(vma);
            preempt_point();
            vma = next < USER_TOP ? area_at_or_above(mm, next) : NULL;
        }
    }
    rwsem_write_unlock(&mm->areas_lock);
    return err;
}

int mm_map_hole(struct mm *mm, vaddr_t *addr, struct insecure_mem *hole, unsigned prot)
{
    size_t len = (size_t)hole->nr << PAGE_SHIFT;

    rwsem_write_lock(&mm->areas_lock);
    vaddr_t at = choose_address(mm, *addr, len, 0);
    struct vma *vma = at ? area_new(mm, at, at + len, prot, VMA_HOLE | VMA_SHARED) : NULL;
    int err = vma ? 0 : -ENOMEM;
    if (vma) {
        vma->hole = hole;
        area_insert(vma);
        err = map_hole_entries(vma);
        if (err) {
            unmap_range(mm, at, at + len);
            area_free(vma);
            unmap_tables(mm, at, at + len);
        }
    }
    rwsem_write_unlock(&mm->areas_lock);
    *addr = at;
    return err;
}

void mm_unmap_hole(struct mm *mm, vaddr_t addr, struct insecure_mem *hole)
{
    vaddr_t end = addr + ((vaddr_t)hole->nr << PAGE_SHIFT);
    struct vma *vma;

    rwsem_write_lock(&mm->areas_lock);
    while ((vma = area_at_or_above(mm, addr)) != NULL && vma->start < end) {
        vaddr_t start = vma->start;
        addr = vma->end;
        if (vma->hole == hole) /* the process may have unmapped or cut it itself */
            unmap_areas(mm, start, addr - start);
    }
    rwsem_write_unlock(&mm->areas_lock);
}

int mm_write(struct mm *mm, vaddr_t addr, const void *data, size_t len)
{
    const u8 *from = data;

    while (len) {
        int err = mm_fault(mm, addr, ACCESS_WRITE);
        if (err)
            return err;
        pte_t e = mm_lookup(mm, addr);
        struct folio *f = pte_present(e) && pte_write(e) ? pfn_folio_get(pte_pfn(e)) : NULL;
        if (!f)
            continue; /* it went again: the next fault brings it back or says why not */
        size_t offset = addr & (PAGE_SIZE - 1), n = MIN(len, PAGE_SIZE - offset);
        memcpy((u8 *)pfn_address(pte_pfn(e)) + offset, from, n);
        folio_put(f);
        addr += n;
        from += n;
        len -= n;
    }
    return 0;
}
