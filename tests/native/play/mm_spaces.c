/* SPDX-License-Identifier: MIT */
/* Game "mm": moves on address spaces. */
#include "mm.h"
#include <quire/tlb.h>
#include <string.h>

static const char *const accesses[] = {"", "reads", "writes", "", "executes"};

/* Rights that the entries of every machine can express. */
static unsigned prot_of(unsigned n)
{
    static const unsigned prots[] = {PROT_READ | PROT_WRITE, PROT_READ, PROT_READ | PROT_WRITE, PROT_NONE, PROT_READ | PROT_EXEC};
    return prots[n % ARRAY_SIZE(prots)];
}

static const char *prot_name(unsigned prot)
{
    return prot == PROT_NONE ? "---" : prot == PROT_READ ? "r--" : prot & PROT_WRITE ? prot & PROT_EXEC ? "rwx" : "rw-" : "r-x";
}

/* --- mapping ----------------------------------------------------------------------------------- */
bool move_map(unsigned space, unsigned page, unsigned nr, unsigned how)
{
    struct space *s = &spaces[space];
    unsigned prot = prot_of(how >> 2), flags, kind = how & 3;
    bool shared = kind == 1 || kind == 3, replace = page % 4 != 3;
    int object = kind >= 2 ? (int)(nr >= WINDOW_PAGES / 2 ? 2 : nr % GAME_OBJECTS) : -1;
    u64 index = object < 0 ? 0 : object == 2 ? page : nr & 1 ? page % 16 : page * 5 % 16;
    vaddr_t addr = page_addr(page);
    int err, expected = 0, internal = -1;

    flags = (shared ? MAP_SHARED : MAP_PRIVATE) | (replace ? MAP_FIXED : MAP_FIXED_NOREPLACE);
    if (object >= 0 && index >= objects[object].nr_pages)
        expected = -EINVAL;
    else if (!replace && !model_empty(s, page, nr))
        expected = -EEXIST;
    if (shared && object < 0) {
        objects_sweep(GAME_OBJECTS);
        internal = object_new(nr);
        if (internal < 0)
            return false;
    }
    RETRY(err = mm_map(mms[space], &addr, nr * PAGE_SIZE, prot, flags, object < 0 ? NULL : game_objects[object], index * PAGE_SIZE),
          err == -ENOMEM);
    tell("space %u: mm_map(page %u + %u, %s, %s, %s%s) = %s", space, page, nr, prot_name(prot), shared ? "shared" : "private",
         object < 0 ? "anonymous" : object == 2 ? "object 2" : object ? "object 1" : "object 0", replace ? "" : ", no replacing", error_name(err));
    if (FAIR_NOMEM(err))
        return true;
    CHECK_EQ(err, expected, "mm_map()", "-EINVAL if it begins behind the object's end, -EEXIST where something is mapped");
    if (!err)
        model_map(s, page, nr, prot, shared, internal >= 0 ? internal : object, index);
    return true;
}

bool move_unmap(unsigned space, unsigned page, unsigned nr)
{
    int err;

    RETRY(err = mm_unmap(mms[space], page_addr(page), nr * PAGE_SIZE), err == -ENOMEM);
    tell("space %u: mm_unmap(page %u + %u) = %s", space, page, nr, error_name(err));
    if (FAIR_NOMEM(err))
        return true;
    CHECK_EQ(err, 0, "mm_unmap()", "gaps are fine");
    model_unmap(&spaces[space], page, nr);
    return true;
}

bool move_protect(unsigned space, unsigned page, unsigned nr, unsigned how)
{
    struct space *s = &spaces[space];
    unsigned prot = how % 16 == 15 ? PROT_WRITE | PROT_EXEC : prot_of(how);
    int err, expected = prot & PROT_WRITE && prot & PROT_EXEC ? -EACCES : model_covered(s, page, nr) ? 0 : -ENOMEM;

    for (unsigned i = page; (prot & PROT_EXEC) && !expected && i < page + nr; i++) {
        struct vma *vma = area_find(mms[space], page_addr(i));
        if (vma && vma->flags & VMA_HOLE)
            expected = -EACCES;
    }
    RETRY(err = mm_protect(mms[space], page_addr(page), nr * PAGE_SIZE, prot), err == -ENOMEM && !expected);
    tell("space %u: mm_protect(page %u + %u, %s) = %s", space, page, nr, prot_name(prot), error_name(err));
    if (expected != -ENOMEM && FAIR_NOMEM(err))
        return true;
    CHECK_EQ(err, expected, "mm_protect()", "-ENOMEM where not all is mapped, -EACCES for writable and executable");
    for (unsigned i = page; !err && i < page + nr; i++)
        s->page[i].prot = prot;
    return true;
}

/* --- advice ------------------------------------------------------------------------------------ */
static int expect_populate(const struct space *s, unsigned page, unsigned nr, unsigned access)
{
    if (!model_covered(s, page, nr))
        return -ENOMEM;
    for (unsigned i = page; i < page + nr; i++) {
        int err = model_access(s, i, access);
        if (err)
            return err == -EFAULT ? -ENOMEM : err == -ENXIO ? -EFAULT : err;
    }
    return 0;
}

/* Populating for writes makes the private copies; if it ends early, the tables show which ones. */
static void learn_copies(unsigned space, unsigned page, unsigned nr)
{
    for (unsigned i = page; i < page + nr; i++) {
        struct model_page *p = &spaces[space].page[i];
        pfn_t pfn = p->shared || p->own || p->object < 0 ? PFN_NONE : frame_at(space, i);
        struct folio *f = pfn == PFN_NONE ? NULL : mapped_folio(pfn);
        if (f && f->owner && f->owner->kind == MEMOBJ_ANON) {
            p->content = *model_content(&spaces[space], i);
            p->own = true;
        }
    }
}

bool move_advise(unsigned space, unsigned page, unsigned nr, unsigned how)
{
    static const int advices[] = {MADV_DONTNEED, MADV_POPULATE_WRITE, MADV_POPULATE_READ, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLD};
    static const char *const names[] = {"DONTNEED", "POPULATE_WRITE", "POPULATE_READ", "HUGEPAGE", "NOHUGEPAGE", "COLD"};
    struct space *s = &spaces[space];
    unsigned which = how % ARRAY_SIZE(advices);
    int expected = model_covered(s, page, nr) ? 0 : -ENOMEM, err;

    for (unsigned i = page; which == 0 && !expected && i < page + nr; i++) {
        struct vma *vma = area_find(mms[space], page_addr(i));
        if (vma && vma->flags & VMA_HOLE)
            expected = -EINVAL;
    }
    if (which == 1 || which == 2)
        expected = expect_populate(s, page, nr, which == 1 ? ACCESS_WRITE : ACCESS_READ);
    RETRY(err = mm_madvise(mms[space], page_addr(page), nr * PAGE_SIZE, advices[which]), err == -ENOMEM && !expected);
    tell("space %u: mm_madvise(page %u + %u, %s) = %s", space, page, nr, names[which], error_name(err));
    if (which == 1)
        learn_copies(space, page, nr);
    if (expected != -ENOMEM && FAIR_NOMEM(err))
        return true;
    CHECK_EQ(err, expected, "mm_madvise()", "-ENOMEM where not all is mapped; populating ends at the first page that can't be had");
    if (!err && which == 0)
        model_dontneed(s, page, nr);
    return true;
}

/* --- accesses of programs ---------------------------------------------------------------------- */
bool move_touch(unsigned space, unsigned page, unsigned access, unsigned how)
{
    static u64 last_value = 1000;
    struct space *s = &spaces[space];
    unsigned which = how & 1;
    vaddr_t addr = page_addr(page) + (which ? PAGE_SIZE - 8 : 0);
    int expected = model_access(s, page, access), err;
    pfn_t before = frame_at(space, page);
    struct folio *pinned = before != PFN_NONE && !s->page[page].shared && !writable_at(space, page) ? pfn_folio_get(before) : NULL;
    unsigned pins = pinned ? pins_of(pinned) : 0;
    if (pinned)
        folio_put(pinned);
    u64 value = access == ACCESS_WRITE ? ++last_value << 32 | page : 0;

    RETRY(err = user_touch(mms[space], addr, access, &value), err == -ENOMEM);
    tell("space %u, CPU %u: %s page %u = %s", space, cpu_playing, accesses[access], page, error_name(err));
    if (FAIR_NOMEM(err))
        return true;
    CHECK_EQ(err, expected, "what an access comes to",
             "-EFAULT where no area is, -EACCES where it forbids, bus errors: -EHWPOISON where the frame is broken, -EBUSY in a "
             "hole, -ENXIO behind the object; else it succeeds");
    if (err)
        return true;
    if (access == ACCESS_WRITE)
        model_write(s, page, which, value);
    if (access == ACCESS_WRITE && pins)
        CHECK(frame_at(space, page) != before, "a private page to which somebody else holds a reference is copied, not reused",
              "page %u still is frame 0x%lx", page, before);
    if (access != ACCESS_WRITE)
        CHECK_EQ(value, model_content(s, page)->word[which], "what the program reads",
                 "a page holds what this program wrote last (a stale TLB entry, a missed copy-on-write?)");
    return true;
}

/* A program accesses the pages of a range, up to the first error. */
bool move_sweep(unsigned space, unsigned page, unsigned nr, bool write)
{
    for (unsigned i = page; i < page + nr; i++)
        if (model_access(&spaces[space], i, write ? ACCESS_WRITE : ACCESS_READ) == 0)
            move_touch(space, i, write ? ACCESS_WRITE : ACCESS_READ, i);
    return true;
}

/* The whole area becomes read-only and then writable again, so the next write finds a read-only entry. */
bool move_rewrite(unsigned space, unsigned page)
{
    struct space *s = &spaces[space];

    if (!s->page[page].mapped || !(s->page[page].prot & PROT_WRITE))
        return false;
    rwsem_read_lock(&mms[space]->areas_lock);
    struct vma *vma = area_find(mms[space], page_addr(page));
    unsigned first = vma ? (unsigned)((vma->start - WINDOW_BASE) >> PAGE_SHIFT) : page;
    unsigned nr = vma ? (unsigned)((vma->end - vma->start) >> PAGE_SHIFT) : 1;
    rwsem_read_unlock(&mms[space]->areas_lock);
    move_protect(space, first, nr, 1);
    move_protect(space, first, nr, 0);
    return move_touch(space, page, ACCESS_WRITE, 0);
}

/* As a reclaimer would do: the entry becomes old and clean, on all CPUs; the next access must set the bits again. */
bool move_age(unsigned space, unsigned page)
{
    unsigned level;
    pte_t *ptep = pt_walk(&mms[space]->root, page_addr(page), &level);

    if (level || !pte_present(pte_load(ptep)))
        return false;
    tell("space %u: page %u is made old and clean", space, page);
    spinlock_t *lock = pt_lock(ptep);
    spin_lock(lock);
    pte_t e = pte_mkold(pte_mkclean(pte_load(ptep)));
    if (ARCH_FLUSH_ON_CLEAR || ARCH_BREAK_BEFORE_MAKE)
        clear_ptes(mms[space], page_addr(page), ptep, 1);
    set_pte_at(mms[space], page_addr(page), ptep, e);
    tlb_flush_range(mms[space], page_addr(page), 1);
    spin_unlock(lock);
    return true;
}

/* --- whole spaces ------------------------------------------------------------------------------ */
bool move_clone(unsigned space, unsigned to)
{
    if (mms[to])
        return false;
    struct mm *child;
    RETRY(child = mm_clone(mms[space]), !child);
    tell("space %u: mm_clone() = %s %u", space, child ? "space" : "NULL, not", to);
    if (!child) {
        CHECK(memory_is_short(), "mm_clone() fails only without memory", "there is memory");
        return true;
    }
    mms[to] = child;
    spaces[to] = spaces[space];
    for (unsigned i = 0; i < WINDOW_PAGES; i++)
        if (spaces[to].page[i].hole >= 0)
            model_unmap(&spaces[to], i, 1); /* a guest shared it only with the parent */
    return true;
}

bool move_create(unsigned space)
{
    RETRY(mms[space] = mm_create(), !mms[space]);
    tell("mm_create() = %s %u", mms[space] ? "space" : "NULL, not", space);
    CHECK(mms[space] || memory_is_short(), "mm_create() fails only without memory", "there is memory");
    spaces[space].used = mms[space] != NULL;
    return true;
}

/* A process ends: every CPU that had its memory loaded has loaded another space before. */
bool move_put(unsigned space)
{
    unsigned self = cpu_playing;

    tell("space %u: mm_put()", space);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        if (cpu_area(cpu)->active_mm != mms[space])
            continue;
        cpu_play(cpu);
        mm_activate(NULL);
    }
    cpu_play(self);
    mm_put(mms[space]);
    mms[space] = NULL;
    memset(&spaces[space], 0, sizeof(spaces[space]));
    return true;
}

/* Arguments that make no sense: an error each, and nothing changes. */
bool move_nonsense(unsigned space, unsigned which)
{
    struct mm *mm = mms[space];
    vaddr_t addr = page_addr(which % WINDOW_PAGES), odd = addr + 8;
    int err, expected = -EINVAL;

    tell("space %u: nonsense %u", space, which % 14);
    switch (which % 14) {
    case 0:
        err = mm_unmap(mm, odd, PAGE_SIZE);
        break;
    case 1:
        err = mm_unmap(mm, addr, 0);
        break;
    case 2:
        err = mm_unmap(mm, addr, ~0UL - PAGE_SIZE);
        break;
    case 3:
        err = mm_protect(mm, odd, PAGE_SIZE, PROT_READ);
        break;
    case 4:
        err = mm_protect(mm, addr, PAGE_SIZE, 64);
        break;
    case 5:
        err = mm_map(mm, &addr, 0, PROT_READ, MAP_PRIVATE, NULL, 0);
        break;
    case 6:
        err = mm_map(mm, &addr, PAGE_SIZE, PROT_READ, 0, NULL, 0);
        break;
    case 7:
        err = mm_map(mm, &addr, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_SHARED, NULL, 0);
        break;
    case 8:
        err = mm_map(mm, &odd, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, NULL, 0);
        break;
    case 9:
        err = mm_map(mm, &addr, PAGE_SIZE, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, NULL, 0);
        expected = -EACCES;
        break;
    case 10:
        err = mm_map(mm, &addr, USER_TOP, PROT_READ, MAP_PRIVATE | MAP_FIXED, NULL, 0);
        expected = -ENOMEM;
        break;
    case 11:
        err = mm_map(mm, &addr, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, game_objects[0], 7);
        break;
    case 12:
        err = mm_fault(mm, USER_TOP, ACCESS_READ);
        expected = -EFAULT;
        break;
    default:
        err = mm_madvise(mm, addr, PAGE_SIZE, 4711);
        break;
    }
    CHECK_EQ(err, expected, "answer to arguments that make no sense", "bad ranges and flags are errors and change nothing");
    return true;
}
