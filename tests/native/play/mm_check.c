/* SPDX-License-Identifier: MIT */
/*
 * Game "mm": compares the page tables with the model, by the test's own walk. Every present entry maps a frame
 * with the right contents and no more rights than the area has; no space can write to a page that another space has as
 * private memory; counts of mappings and references are exact.
 */
#include "mm.h"
#include <quire/poison.h>

/* Where the walk for addr ends: an entry of a lowest table; or NULL, and *above is the upper entry that decides. */
static const pte_t *entry_place(struct mm *mm, vaddr_t addr, pte_t *above)
{
    pte_t *table = paddr_address(mm->root.table);

    for (unsigned level = PT_LEVELS - 1; level > 0; level--) {
        pte_t e = pte_load(table + (addr >> PT_SHIFT(level) & (PT_ENTRIES(level) - 1)));
        if (!pde_present(e, level))
            return *above = pte_empty(0), NULL;
        if (pde_leaf(e, level))
            return *above = pte_of_block(e, level, (addr & ((1UL << PT_SHIFT(level)) - 1)) >> PAGE_SHIFT), NULL;
        table = paddr_address(pde_table(e, level));
    }
    return table + (addr >> PT_SHIFT(0) & (PT_ENTRIES(0) - 1));
}

static pte_t entry_at(struct mm *mm, vaddr_t addr)
{
    pte_t above;
    const pte_t *place = entry_place(mm, addr, &above);
    return place ? pte_load(place) : above;
}

/* The entries of a group are alike in everything, because one of them in a TLB is used for all. */
static void check_group(unsigned s, unsigned p)
{
    pte_t above;
    const pte_t *place = entry_place(mms[s], page_addr(p), &above);

    if (!place || !pte_cont(pte_load_raw(place)))
        return;
    const pte_t *group = (const pte_t *)ALIGN_DOWN((vaddr_t)place, PT_CONT * sizeof(pte_t));
    pte_t first = pte_load(group);
    for (unsigned i = 0; i < PT_CONT; i++)
        CHECK(pte_cont(pte_load_raw(group + i)) && pte_same(pte_load(group + i), pte_advance_pfn(first, i)),
              "the entries of a group differ in nothing but their frames, which are neighbours: a change undoes it first",
              "space %u, page %u: entry %u of its group is 0x%lx, the first 0x%lx", s, p, i,
              (unsigned long)pte_load_raw(group + i).v, (unsigned long)pte_load_raw(group).v);
    CHECK(pte_pfn(first) % PT_CONT == 0, "a group is aligned in frames too", "it begins with frame 0x%lx", (unsigned long)pte_pfn(first));
}

pfn_t frame_at(unsigned space, unsigned page)
{
    pte_t e = entry_at(mms[space], page_addr(page));
    return pte_present(e) ? pte_pfn(e) : PFN_NONE;
}

bool writable_at(unsigned space, unsigned page)
{
    pte_t e = entry_at(mms[space], page_addr(page));
    return pte_present(e) && pte_write(e);
}

static struct model_page *found[SPACES * WINDOW_PAGES];
static unsigned nr_found;

void find_mappings(pfn_t pfn, unsigned nr)
{
    nr_found = 0;
    for (unsigned s = 0; s < SPACES; s++) {
        for (unsigned p = 0; mms[s] && p < WINDOW_PAGES; p++) {
            struct model_page *page = &spaces[s].page[p];
            if (page->mapped && frame_at(s, p) - pfn < nr)
                found[nr_found++] = page;
        }
    }
}

void mark_found(unsigned hole)
{
    for (unsigned i = 0; i < nr_found; i++)
        if (found[i]->object < 0 || found[i]->own) /* an object's page, which the object records */
            found[i]->marked = (int)hole + 1;
}

void forget_found(bool broken)
{
    for (unsigned i = 0; i < nr_found; i++) {
        struct model_page *page = found[i];
        if (page->object >= 0 && !page->own) { /* the object's own frame */
            objects[page->object].broken[page->index] |= broken;
            page->broken |= broken && page->hole >= 0;
            continue;
        }
        page->own = false;
        page->content = (struct content){{0}};
        page->broken = broken;
    }
}

/* --- one page ---------------------------------------------------------------------------------- */
#define MAPPED_MAX (SPACES * WINDOW_PAGES)
static struct mapping {
    pfn_t pfn;
    unsigned space, page;
    bool write, shared, hole;
} mappings[MAPPED_MAX];
static unsigned nr_mappings, nr_marks;
static pfn_t marks[MAPPED_MAX]; /* frames of private pages in holes, with a reference each */

static void check_present(unsigned s, unsigned p, pte_t e)
{
    struct model_page *page = &spaces[s].page[p];

    CHECK(page->mapped, "nothing is mapped where no area is", "space %u, page %u: entry 0x%lx", s, p, (unsigned long)e.v);
    CHECK(pte_user(e), "entries of user space are for user mode", "space %u, page %u: entry 0x%lx", s, p, (unsigned long)e.v);
    CHECK(pte_accessible(e) == (page->prot != PROT_NONE), "PROT_NONE keeps its frame behind an entry that allows nothing",
          "space %u, page %u: entry 0x%lx", s, p, (unsigned long)e.v);
    CHECK((!pte_write(e) || page->prot & PROT_WRITE) && (!pte_exec(e) || page->prot & PROT_EXEC || !page->prot),
          "an entry allows at most what its area does", "space %u, page %u: entry 0x%lx, area %u", s, p, (unsigned long)e.v,
          page->prot);
    CHECK(!page->broken, "a broken frame isn't mapped anywhere", "space %u, page %u: still there", s, p);
    struct content *c = model_content(&spaces[s], p);
    const u64 *words = pfn_address(pte_pfn(e));
    CHECK(words[0] == c->word[0] && words[511] == c->word[1], "a mapped frame holds what was written to this page",
          "space %u, page %u, frame 0x%lx: %lx %lx, expected %lx %lx", s, p, (unsigned long)pte_pfn(e), (unsigned long)words[0],
          (unsigned long)words[511], (unsigned long)c->word[0], (unsigned long)c->word[1]);
    mappings[nr_mappings++] = (struct mapping){pte_pfn(e), s, p, pte_write(e), page->shared, page->hole >= 0};
}

static void check_space(unsigned s)
{
    unsigned before = nr_mappings;

    for (unsigned p = 0; p < WINDOW_PAGES; p++) {
        pte_t e = entry_at(mms[s], page_addr(p));
        CHECK(pte_same(e, mm_lookup(mms[s], page_addr(p))), "mm_lookup() gives the entry that the hardware would find",
              "space %u, page %u", s, p);
        CHECK(pte_poisoned(e) <= spaces[s].page[p].mapped, "marks of broken frames go with their area", "space %u, page %u", s, p);
        check_group(s, p);
        if (pte_is_hole_mark(e))
            marks[nr_marks++] = pte_pfn(e);
        if (pte_present(e))
            check_present(s, p, e);
    }
    CHECK_EQ(mms[s]->nr_mapped, nr_mappings - before, "mm->nr_mapped", "frames mapped are counted");
}

/* --- all together ------------------------------------------------------------------------------ */
/* The folio that a mapping holds a reference to, whatever the frame's word says now. */
static struct folio *folio_under(pfn_t pfn)
{
    memdesc_t word = memdesc_read(pfn);

    if (memdesc_type(word) == MEMDESC_HWPOISON)
        word = ((struct hwpoison *)memdesc_pointer(word))->saved;
    if (memdesc_type(word) == MEMDESC_HOLE)
        return ((struct insecure_mem *)memdesc_pointer(word))->folio;
    CHECK(memdesc_type(word) == MEMDESC_FOLIO, "a mapped frame belongs to a folio", "frame 0x%lx: %s", pfn,
          memdesc_type_name(memdesc_type(word)));
    return memdesc_pointer(word);
}

static void check_counts(const struct mapping *m)
{
    struct folio *f = folio_under(m->pfn);
    unsigned mapped = 0, marked = 0;

    for (unsigned i = 0; i < nr_marks; i++)
        marked += folio_contains(f, marks[i]);
    for (unsigned i = 0; i < nr_mappings; i++) {
        const struct mapping *other = &mappings[i];
        mapped += !other->hole && folio_contains(f, other->pfn);
        if (other == m || other->pfn != m->pfn)
            continue;
        CHECK(!(m->write && !m->shared), "a private page that can be written is mapped once: copy-on-write was forgotten",
              "frame 0x%lx: space %u, page %u can write what space %u, page %u sees", m->pfn, m->space, m->page, other->space,
              other->page);
    }
    if (m->hole)
        return;
    bool backed = f->owner && f->owner->kind == MEMOBJ_BACKED;
    CHECK_EQ(folio_map_count(f), mapped, "folio's map count", "every mapping counts once, and goes once");
    CHECK_EQ(folio_ref_count(f), mapped + marked + backed + (f == held_folio) + pins_of(f), "folio's reference count",
             "each mapping holds a reference, the object that owns the folio another");
}

void mm_game_check(void)
{
    nr_mappings = nr_marks = 0;
    for (unsigned s = 0; s < SPACES; s++)
        if (mms[s])
            check_space(s);
    for (unsigned i = 0; i < nr_mappings; i++)
        if (i == 0 || mappings[i].pfn != mappings[i - 1].pfn + 1 || i % 8 == 0) /* one of each run is enough */
            check_counts(&mappings[i]);
    check_no_locks("the move");
}
