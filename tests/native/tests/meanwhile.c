/* SPDX-License-Identifier: MIT */
/*
 * Bugs that need two CPUs that meet within a few instructions: here they meet each time (machine/meanwhile.c). The CPU
 * that loses a race must notice, and give back what it took.
 */
#include "all.h"
#include "../machine/machine.h"
#include "../play/check.h"
#include <quire/hole.h>

#define BASE (8UL * MiB)
#define MET "the two CPUs meet"

/* --- look-up ----------------------------------------------------------------------------------- */
static struct folio *stale, *other, *heir;

/* The frame becomes part of another folio, and its old descriptor gets other frames. */
static void frame_changes_hands(void)
{
    folio_put(stale);
    other = folio_alloc(1, 0);
    heir = folio_alloc(0, 0);
}

static void look_up(struct folio *(*get)(pfn_t))
{
    stale = folio_alloc(0, 0);
    pfn_t pfn = stale->pfn;
    meanwhile_at_touch(stale, frame_changes_hands);
    struct folio *found = get(pfn);

    CHECK(meanwhile_happened() && other == stale && heir->pfn == pfn, MET, "the descriptor wasn't touched, or isn't used again at once");
    CHECK(found == heir, "a look-up reads the word again: between word and reference the frame may have changed hands",
          "frame 0x%lx is the folio's at %p, the look-up says %p", (unsigned long)pfn, (void *)heir, (void *)found);
    CHECK_EQ(folio_ref_count(heir), 2, "references: its maker's and the look-up's", "a look-up takes one reference");
    CHECK_EQ(folio_ref_count(other), 1, "references of the folio that the descriptor is by now", "a reference to the wrong folio is put");
    folio_put(found);
    folio_put(heir);
    folio_put(other);
}

static struct folio *get_inline(pfn_t pfn) { return pfn_folio_get(pfn); }

void meanwhile_folio_look_up(void)
{
    world_begin(256, 1);
    look_up(get_inline);
    look_up(pfn_folio_get_slow);
    world_end(0);
}

static struct insecure_mem *hole, *later;

static void hole_closes_and_another_opens(void)
{
    CHECK_EQ(folio_mend_hole(hole), 0, "folio_mend_hole()", "nobody else holds it yet");
    CHECK_EQ(folio_punch_hole(other, 4, 2, HOLE_INSECURE, &later), 0, "folio_punch_hole()", "nothing is in the way");
}

void meanwhile_hole_look_up(void)
{
    world_begin(256, 1);
    struct folio *f = folio_alloc(3, 0);

    other = folio_alloc(3, 0);
    CHECK_EQ(folio_punch_hole(f, 4, 2, HOLE_INSECURE, &hole), 0, "folio_punch_hole()", "nothing is in the way");
    meanwhile_at_touch(hole, hole_closes_and_another_opens);
    struct insecure_mem *found = pfn_hole_get(f->pfn + 4);

    CHECK(meanwhile_happened() && later == hole, MET, "the descriptor wasn't touched, or isn't used again at once");
    CHECK(!found, "a look-up reads the word again: the hole has closed", "it says %p", (void *)found);
    CHECK_EQ(hole_ref_count(later), 1, "references of the hole that the descriptor is by now", "a reference to the wrong hole is put");
    CHECK_EQ(folio_mend_hole(later), 0, "folio_mend_hole()", "nobody holds it");
    folio_put(f);
    folio_put(other);
    world_end(0);
}

/* --- faults ------------------------------------------------------------------------------------ */
static struct mm *mm;

static void map(unsigned pages)
{
    vaddr_t addr = BASE;

    mm = mm_create();
    CHECK(mm && !mm_map(mm, &addr, pages * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, NULL, 0),
          "there is memory", "mm_create() or mm_map() failed");
}

static void fault(unsigned cpu)
{
    cpu_play(cpu);
    CHECK_EQ(mm_fault(mm, BASE, ACCESS_WRITE), 0, "mm_fault()", "whoever is late tries again");
    cpu_play(0);
}

static void another_cpu_faults(void) { fault(1); }

/* One folio as large as the area: of one frame, of some, of default size. */
void meanwhile_two_first_writes(void)
{
    for (unsigned pages = 1; pages <= 1u << FOLIO_DEFAULT_ORDER; pages *= 4) {
        world_begin(256, 2);
        map(pages);
        meanwhile_at_event(MM_EVENT_FOLIO_ALLOC, another_cpu_faults); /* it has a folio, and no entry yet */
        fault(0);
        CHECK(meanwhile_happened(), MET, "no folio was made");
        struct folio *f = mapped_folio(pte_pfn(mm_lookup(mm, BASE)));
        CHECK_EQ(folio_nr_pages(f), pages, "pages of the folio that is mapped", "a folio as large as fits");
        CHECK_EQ(folio_map_count(f), pages, "its mappings", "the page-table lock decides who is first");
        CHECK_EQ(folio_ref_count(f), pages, "its references", "the page-table lock decides who is first");
        CHECK_EQ(folio_descriptors_in_use(), 1, "folios while one is mapped", "whoever loses the race gives its folio back");
        mm_put(mm);
        world_end(0);
    }
}

/* --- locks ------------------------------------------------------------------------------------- */
static pte_t *entry;

static void table_is_not_locked(void)
{
    CHECK(!spin_is_locked(pt_lock(entry)), "no folio is freed under a page-table lock: that may take the folio's lock, which comes before it",
          "a folio is freed while the table is locked that its last reference was in");
}

/* An area whose one folio has a hole of four frames: marks, which are its last references. */
static struct folio *map_marks(void)
{
    unsigned pages = 1u << FOLIO_DEFAULT_ORDER;

    map(pages);
    fault(0);
    struct folio *f = mapped_folio(pte_pfn(mm_lookup(mm, BASE)));
    CHECK_EQ(folio_punch_hole(f, 4, 4, HOLE_INSECURE, &hole), 0, "folio_punch_hole()", "nothing is in the way");
    CHECK_EQ(mm_unmap(mm, BASE, 4 * PAGE_SIZE), 0, "mm_unmap()", "there is memory");
    CHECK_EQ(mm_unmap(mm, BASE + 8 * PAGE_SIZE, (pages - 8) * PAGE_SIZE), 0, "mm_unmap()", "there is memory");
    CHECK_EQ(folio_ref_count(f), 4, "references: a mark each", "the punch leaves the mappings' references to the marks");
    return f;
}

void meanwhile_marks_go_last(void)
{
    unsigned level;

    world_begin(256, 1);
    map_marks();
    entry = pt_walk(&mm->root, BASE + 4 * PAGE_SIZE, &level);
    CHECK_EQ(folio_mend_hole(hole), 0, "folio_mend_hole()", "nobody else holds it");
    meanwhile_at_event(MM_EVENT_FOLIO_FREE, table_is_not_locked);
    CHECK_EQ(mm_unmap(mm, BASE + 4 * PAGE_SIZE, 4 * PAGE_SIZE), 0, "mm_unmap()", "there is memory");
    CHECK(meanwhile_happened(), "marks are references, and go with their area", "the folio is still there");
    mm_put(mm);
    world_end(0);
}

void meanwhile_marks_and_mend(void)
{
    world_begin(256, 1);
    struct folio *f = map_marks();
    other = folio_alloc(3, 0);
    folio_get_many(f, 1);
    meanwhile_at_touch(hole, hole_closes_and_another_opens);
    CHECK_EQ(mm_unmap(mm, BASE + 4 * PAGE_SIZE, 4 * PAGE_SIZE), 0, "mm_unmap()", "there is memory");
    CHECK(meanwhile_happened() && later == hole, MET, "the descriptor wasn't touched, or isn't used again at once");
    CHECK_EQ(folio_ref_count(f), 1, "references of the folio whose hole closed", "a mark holds a reference to the folio of its frame");
    CHECK_EQ(folio_ref_count(other), 1, "references of the folio with the other hole", "nobody has touched it");
    CHECK_EQ(folio_mend_hole(later), 0, "folio_mend_hole()", "nobody holds it");
    folio_put(f);
    folio_put(other);
    mm_put(mm);
    world_end(0);
}
