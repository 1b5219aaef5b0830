/* SPDX-License-Identifier: MIT */
/*
 * What must be true whenever no operation is running: a walk of the page tables, written for this test, is compared
 * with areas, words, counts of mappings and references, and the contents of the CPUs' TLBs.
 */
#include "stage.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include <quire/poison.h>
#include <string.h>

#define WINDOW_PAGES 192 /* from BASE on; holes are mapped elsewhere */

/* For each frame: entries that map it, those of private memory that may write, marks, by the first frame of its folio.
 */
static struct frame_books {
    u16 mapped, writers;
    u32 folio_mapped, folio_marks, hole_mapped;
} books[WORLD_MAX_FRAMES];

static struct frame_books *of(pfn_t pfn) { return &books[pfn - WORLD_FIRST_PFN]; }

static pte_t entry_at(struct mm *mm, vaddr_t addr)
{
    pte_t *table = paddr_address(mm->root.table);

    for (unsigned level = PT_LEVELS - 1; level > 0; level--) {
        pte_t e = pte_load(table + pt_index(addr, level));
        if (!pde_present(e, level))
            return pte_empty(0);
        if (pde_leaf(e, level))
            return pte_of_block(e, level, (addr & (pt_span(level) - 1)) >> PAGE_SHIFT);
        table = pt_table_of(e, level);
    }
    return pte_load(table + pt_index(addr, 0));
}

/* The folio that a frame is part of, under holes and poison. */
static struct folio *folio_under(memdesc_t word)
{
    if (memdesc_type(word) == MEMDESC_HWPOISON)
        word = ((struct hwpoison *)memdesc_pointer(word))->saved;
    if (memdesc_type(word) == MEMDESC_HOLE)
        word = ((struct insecure_mem *)memdesc_pointer(word))->saved;
    return memdesc_type(word) == MEMDESC_FOLIO ? memdesc_pointer(word) : NULL;
}

static void check_mapping(const struct vma *vma, vaddr_t addr, pte_t e)
{
    pfn_t pfn = pte_pfn(e);
    memdesc_t word = memdesc_read(pfn);
    struct folio *f = folio_under(word);

    CHECK(memdesc_type(word) != MEMDESC_HWPOISON,
          "memory_failure() that says 0 has taken the frame out of all page tables",
          "0x%lx is mapped at page %ld, and broken", pfn, (long)(addr - BASE) >> PAGE_SHIFT);
    CHECK(memdesc_type(word) == (vma->flags & VMA_HOLE ? MEMDESC_HOLE : MEMDESC_FOLIO) ||
              word == memdesc_make_misc(MISC_ZERO),
          "hole.h: once a punch has said 0, no mapping of those frames is left, and a frame that is mapped belongs to "
          "a folio",
          "page %ld maps frame 0x%lx, whose word is %s", (long)(addr - BASE) >> PAGE_SHIFT, pfn,
          memdesc_type_name(memdesc_type(word)));
    CHECK((!pte_write(e) || vma->prot & PROT_WRITE) && (!pte_exec(e) || vma->prot & PROT_EXEC),
          "an entry allows at most what its area does: what mprotect has taken away stays away",
          "page %ld: entry 0x%lx in an area with protection %u", (long)(addr - BASE) >> PAGE_SHIFT, (unsigned long)e.v,
          vma->prot);
    if (!f)
        return;
    of(pfn)->mapped++;
    of(pfn)->writers += pte_write(e) && !(vma->flags & VMA_SHARED);
    CHECK(!of(pfn)->writers || of(pfn)->mapped == 1, "a private page that can be written is mapped once",
          "frame 0x%lx isn't", pfn);
    if (vma->flags & VMA_HOLE)
        of(vma->hole->first)->hole_mapped++;
    else
        of(f->pfn)->folio_mapped++;
}

static void check_space(struct mm *mm)
{
    u64 mapped = 0;

    for (unsigned p = 0; p < WINDOW_PAGES; p++) {
        struct vma *vma = area_find_slow(mm, PAGE(p));
        pte_t e = entry_at(mm, PAGE(p));
        CHECK(vma || (!pte_present(e) && !pte_poisoned(e)), "nothing is mapped where no area is",
              "page %u: entry 0x%lx", p, (unsigned long)e.v);
        if (pte_present(e)) {
            check_mapping(vma, PAGE(p), e);
            mapped += pte_pfn(e) != zero_pfn;
        } else if (pte_is_hole_mark(e)) {
            struct folio *f = folio_under(memdesc_read(pte_pfn(e)));
            CHECK(f, "a mark keeps its frame's folio", "page %u: frame 0x%lx is %s", p, (unsigned long)pte_pfn(e),
                  memdesc_type_name(memdesc_type(memdesc_read(pte_pfn(e)))));
            of(f->pfn)->folio_marks++;
        }
    }
    for (unsigned i = 0; i < SPACES_MAX; i++) /* where holes are shown */
        for (unsigned p = 0; scene.shown[i] && scene.mm[i] == mm && p < 16; p++) {
            vaddr_t addr = scene.shown[i] + p * PAGE_SIZE;
            struct vma *vma = area_find_slow(mm, addr);
            pte_t e = entry_at(mm, addr);
            CHECK(vma || !pte_present(e), "nothing is mapped where no area is", "entry 0x%lx", (unsigned long)e.v);
            if (vma && pte_present(e)) {
                check_mapping(vma, addr, e);
                mapped++;
            }
        }
    CHECK_EQ(mm->nr_mapped, mapped, "mm->nr_mapped", "frames that are mapped are counted, once each");
    tlb_check(mm);
}

static unsigned held(const struct folio *f)
{
    unsigned nr = (scene.folio == f) + (scene.part[0] == f) + (scene.part[1] == f);

    nr += scene.folio && f->pfn > scene.folio->pfn && f->pfn < scene.cut_end && !f->owner;

    for (unsigned i = 0; i < OPERATIONS_MAX; i++)
        nr += (scene.got[i] == f) + (scene.made[i] == f);
    return nr;
}

static unsigned hole_held(const struct insecure_mem *h)
{
    unsigned nr = scene.hole == h;

    for (unsigned i = 0; i < OPERATIONS_MAX; i++)
        nr += (scene.hole_got[i] == h) + (scene.hole_made[i] == h);
    return nr;
}

static void check_folio(struct folio *f)
{
    const struct frame_books *b = of(f->pfn);
    bool backed = f->owner && f->owner->kind == MEMOBJ_BACKED;

    CHECK_EQ(folio_map_count(f), b->folio_mapped, "map count of a folio, against the entries that map it",
             "every mapping is counted once, and goes once");
    CHECK_EQ(folio_ref_count(f), b->folio_mapped + b->folio_marks + backed + held(f),
             "reference count of a folio, against who has one",
             "each mapping and each mark holds a reference, the object that owns the folio another, and whoever looked "
             "it up");
    CHECK(!spin_is_locked(&f->lock), "a lock that is taken is let go", "folio at 0x%lx is locked", f->pfn);
}

static void check_hole(struct insecure_mem *h)
{
    const struct frame_books *b = of(h->first);

    CHECK_EQ(h->map_count, b->hole_mapped, "map count of a hole, against the entries that map it",
             "every mapping is counted once");
    CHECK_EQ(hole_ref_count(h), b->hole_mapped + hole_held(h), "reference count of a hole, against who has one",
             "the hole itself, each mapping, and whoever looked it up");
}

/* The frame that has been mapped at page 0 since the beginning. */
static void check_synced(void)
{
    pte_t e = entry_at(scene.mm[0], BASE);

    if (pte_present(e) && pte_pfn(e) == scene.first && memdesc_type(memdesc_read(scene.first)) == MEMDESC_FOLIO)
        CHECK(icache_maintained(scene.first), "cache_sync that says 0 has maintained what is mapped there",
              "frame 0x%lx of page 0 isn't maintained", scene.first);
}

void books_check(void)
{
    if (scene.synced)
        check_synced();
    if (stage_now->check)
        stage_now->check();
    memset(books, 0, (memory.end - memory.first) * sizeof(*books));
    for (unsigned i = 0; i < SPACES_MAX; i++)
        if (scene.mm[i])
            check_space(scene.mm[i]);
    for (unsigned i = 0; i < OPERATIONS_MAX; i++)
        if (scene.child[i])
            check_space(scene.child[i]);
    for (pfn_t pfn = memory.first; pfn < memory.end; pfn++) {
        memdesc_t word = memdesc_read(pfn);
        struct folio *f = folio_under(word);
        if (f && f->pfn == pfn)
            check_folio(f);
        if (memdesc_type(word) == MEMDESC_HOLE && ((struct insecure_mem *)memdesc_pointer(word))->first == pfn)
            check_hole(memdesc_pointer(word));
    }
}
