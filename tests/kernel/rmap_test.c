/* SPDX-License-Identifier: MIT */
/* The reverse map finds every mapping of a folio, and nothing else. */
#include "helpers.h"
#include <quire/rmap.h>
#include <quire/string.h>

#define RW       (PROT_READ | PROT_WRITE)
#define PAGES(n) ((n)*PAGE_SIZE)

struct found {
    unsigned runs, frames, wrong;
    struct folio *folio;
};

static void note(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr, void *arg)
{
    struct found *found = arg;

    found->runs++;
    found->frames += nr;
    for (unsigned i = 0; i < nr; i++)
        if (!folio_contains(found->folio, pte_pfn(pte_load(ptep + i))) ||
            addr + i * PAGE_SIZE >= vma->end ||
            !pte_same(mm_lookup(vma->mm, addr + i * PAGE_SIZE), pte_load(ptep + i)))
            found->wrong++;
}

static struct found walk(struct folio *f, size_t first, size_t nr)
{
    struct found found = {.folio = f};

    rmap_walk(f, first, nr, note, &found);
    EXPECT_EQ(found.wrong, 0);
    return found;
}

static struct folio *folio_at(struct mm *mm, vaddr_t addr)
{
    struct folio *f = pfn_folio_get(mapped_frame(mm, addr));
    ASSERT(f != NULL);
    return f;
}

TEST(rmap, private_memory_is_found_in_every_clone)
{
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, PAGES(32), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(32), ACCESS_WRITE), 0);
    struct mm *child = mm_clone(mm), *grandchild = mm_clone(child);
    struct folio *f = folio_at(mm, addr + PAGES(20));
    EXPECT_EQ(walk(f, 0, 16).frames, 48);
    EXPECT_EQ(walk(f, 4, 1).frames, 3);
    EXPECT_EQ(walk(f, 4, 1).runs, 3);
    test_checkpoint("three generations map one folio");
    mm_put(child); /* the space in between goes */
    EXPECT_EQ(walk(f, 0, 16).frames, 32);
    EXPECT_EQ(touch_range(mm, addr + PAGES(16), PAGES(1), ACCESS_WRITE),
              0); /* copied, so it isn't a page of this folio any more */
    EXPECT_EQ(walk(f, 0, 16).frames, 31);
    EXPECT_EQ(folio_map_count(f), 31);
    test_checkpoint("the one in between is gone and one page is copied");
    mm_put(mm);
    mm_put(grandchild);
    EXPECT_EQ(folio_map_count(f), 0);
    EXPECT_EQ(walk(f, 0, 16).frames, 0);
    folio_put(f);
}

TEST(rmap, an_object_is_found_at_every_offset_that_maps_it)
{
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 32, NULL);
    struct folio *f = folio_alloc(4, 0);
    struct mm *a = mm_create(), *b = mm_create();
    vaddr_t at = TEST_BASE, further = TEST_BASE + 1 * MiB;

    ASSERT_EQ(memobj_add_folio(obj, 8, f), 0);
    ASSERT_EQ(mm_map(a, &at, PAGES(32), RW, MAP_SHARED | MAP_FIXED, obj, 0), 0);
    ASSERT_EQ(mm_map(a, &further, PAGES(4), RW, MAP_SHARED | MAP_FIXED, obj, PAGES(10)),
              0); /* mapped twice in one space */
    ASSERT_EQ(mm_map(b, &at, PAGES(16), RW, MAP_SHARED | MAP_FIXED, obj, PAGES(16)), 0);
    EXPECT_EQ(walk(f, 0, 16).frames, 0); /* nothing touched yet */
    ASSERT_EQ(touch_range(a, at, PAGES(32), ACCESS_WRITE), 0);
    ASSERT_EQ(touch_range(a, further, PAGES(4), ACCESS_WRITE), 0);
    ASSERT_EQ(touch_range(b, at, PAGES(16), ACCESS_WRITE), 0);
    EXPECT_EQ(walk(f, 0, 16).frames, 16 + 4 + 8);
    EXPECT_EQ(folio_map_count(f), 28);
    EXPECT_EQ(walk(f, 3, 1).frames, 2);
    rmap_unmap_frames(f, 2, 10);
    EXPECT_EQ(walk(f, 0, 16).frames, folio_map_count(f));
    EXPECT_EQ(folio_map_count(f), 6 + 0 + 4);
    EXPECT(!pte_present(mm_lookup(a, further)));
    EXPECT(pte_present(mm_lookup(a, at + PAGES(8))));
    check_address_space(a);
    check_address_space(b);
    test_checkpoint("an object mapped three times lost frames in the middle");
    mm_put(a);
    mm_put(b);
    memobj_put(obj);
}

TEST(rmap, it_follows_areas_that_are_cut_and_joined)
{
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, PAGES(16), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(16), ACCESS_WRITE), 0);
    struct folio *f = folio_at(mm, addr);
    EXPECT_EQ(mm_protect(mm, addr + PAGES(4), PAGES(4), PROT_READ), 0);
    EXPECT_EQ(walk(f, 0, 16).frames, 16);
    EXPECT_EQ(mm_unmap(mm, addr + PAGES(10), PAGES(2)), 0);
    EXPECT_EQ(walk(f, 0, 16).frames, 14);
    EXPECT_EQ(mm_protect(mm, addr + PAGES(4), PAGES(4), RW), 0);
    EXPECT_EQ(walk(f, 0, 16).frames, 14);
    struct mm *child = mm_clone(mm);
    EXPECT_EQ(walk(f, 0, 16).frames, 28);
    rmap_unmap_frames(f, 0, 16);
    EXPECT_EQ(folio_map_count(f), 0);
    EXPECT_EQ(folio_ref_count(f), 1);
    EXPECT_EQ(mm->nr_mapped, 0);
    EXPECT_EQ(child->nr_mapped, 0);
    folio_put(f);
    mm_put(mm);
    mm_put(child);
}

TEST(rmap, areas_with_two_owners_are_never_one)
{
    struct mm *mm = mm_create();
    vaddr_t high = TEST_BASE + PAGES(16), low = TEST_BASE;

    ASSERT_EQ(mm_map(mm, &high, PAGES(16), RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
    ASSERT_EQ(touch_range(mm, high, PAGES(16), ACCESS_WRITE), 0); /* the area has an owner now */
    ASSERT_EQ(mm_map(mm, &low, PAGES(16), RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
    EXPECT_EQ(count_areas(mm), 2); /* the lower area has no owner, so the two aren't joined */
    ASSERT_EQ(touch_range(mm, low, PAGES(16), ACCESS_WRITE), 0);
    EXPECT_EQ(mm_protect(mm, low, PAGES(32), PROT_READ), 0);
    EXPECT_EQ(mm_protect(mm, low, PAGES(32), RW), 0);
    /* nor if it has an owner of its own, because the reverse map finds pages by the owner */
    EXPECT_EQ(count_areas(mm), 2);
    struct folio *below = folio_at(mm, low), *above = folio_at(mm, high);
    EXPECT(below->owner != above->owner);
    EXPECT_EQ(walk(below, 0, 16).frames, 16);
    EXPECT_EQ(walk(above, 0, 16).frames, 16);
    rmap_unmap_frames(above, 0, 16);
    EXPECT_EQ(folio_map_count(above), 0);
    EXPECT_EQ(mm->nr_mapped, 16);
    folio_put(below);
    folio_put(above);
    mm_put(mm);
}

TEST(rmap, a_folio_outlives_the_areas_that_owned_it)
{
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, PAGES(16), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(16), ACCESS_WRITE), 0);
    struct folio *f = folio_at(mm, addr);
    mm_put(mm); /* area and owner would be gone if the folio didn't hold its owner */
    void *reused[40];
    for (unsigned i = 0; i < 40; i++)
        reused[i] = memobj_create(MEMOBJ_ANON, 0, NULL);
    EXPECT_EQ(walk(f, 0, 16).frames, 0);
    EXPECT(f->owner == NULL || f->owner->refs == 1);
    for (unsigned i = 0; i < 40; i++) {
        EXPECT(f->owner != reused[i]);
        memobj_put(reused[i]);
    }
    folio_put(f);
}

static void cut_and_join(void *arg)
{
    struct mm *mm = arg;

    for (unsigned i = 0; i < 40; i++) {
        jitter();
        unsigned at = 1 + (i * 7) % 14;
        mm_protect(mm, TEST_BASE + PAGES(at), PAGES(1), PROT_READ);
        mm_protect(mm, TEST_BASE + PAGES(at), PAGES(1), RW);
    }
}

TEST(rmap, no_mapping_is_missed_while_its_area_is_cut)
{
    struct crew crew = {0};
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, PAGES(16), RW);

    if (nr_cpus == 1) {
        mm_put(mm);
        SKIP("needs two CPUs");
    }
    ASSERT_EQ(touch_range(mm, addr, PAGES(16), ACCESS_WRITE), 0);
    struct folio *f = folio_at(mm, addr);
    crew_start(&crew, 1, cut_and_join, mm);
    crew_wait_started(&crew);
    for (unsigned i = 0; i < 200 && READ_ONCE(crew.running); i++) {
        jitter();
        struct found found = {.folio = f};
        rmap_walk(f, 0, 16, note, &found);
        if (found.frames < 16) {
            test_fail(__FILE__, __LINE__, "walk %u found %u of 16 mapped frames", i, found.frames);
            break;
        }
    }
    crew_wait(&crew);
    folio_put(f);
    mm_put(mm);
}
