/* SPDX-License-Identifier: MIT */
/* Address spaces when memory or an account runs out: an error to the caller, and nothing stays behind. */
#include "helpers.h"
#include <quire/buddy.h>
#include <quire/errno.h>
#include <quire/memory_init.h>
#include <quire/quota.h>
#include <quire/slab.h>

#define RW       (PROT_READ | PROT_WRITE)
#define FIXED    (MAP_PRIVATE | MAP_FIXED)
#define PAGES(n) ((n)*PAGE_SIZE)

TEST(mm, a_quota_refuses_and_is_given_back)
{
    struct quota *quota = quota_create(60);
    struct mm *mm = new_space();

    mm_set_quota(mm, quota);
    vaddr_t addr = map_anonymous(mm, 1 * MiB, RW);
    EXPECT_EQ(touch_range(mm, addr, 1 * MiB, ACCESS_WRITE), -ENOMEM);
    EXPECT(mm->nr_mapped >= 48);
    EXPECT(mm->nr_mapped <= 60);
    EXPECT_EQ(mm_madvise(mm, addr, 1 * MiB, MADV_DONTNEED), 0);
    EXPECT_EQ(touch_range(mm, addr, 32 * PAGE_SIZE, ACCESS_WRITE), 0); /* there is room again */
    check_address_space(mm);
    mm_put(mm);
    EXPECT_EQ(quota_used(quota), 0);
    quota_put(quota);
}

static int whole_life(void *unused)
{
    struct mm *mm = mm_create(), *child = NULL;
    vaddr_t addr = TEST_BASE;
    int err = -ENOMEM;

    (void)unused;
    if (!mm)
        return err;
    struct quota *quota = quota_create(300); /* a charge for memory that isn't allocated would keep it alive */
    if (!quota) {
        mm_put(mm);
        return err;
    }
    mm_set_quota(mm, quota);
    quota_put(quota);
    err = mm_map(mm, &addr, PAGES(40), RW, FIXED, NULL, 0);
    if (!err)
        err = touch_range(mm, addr, PAGES(40), ACCESS_WRITE);
    if (!err && !(child = mm_clone(mm)))
        err = -ENOMEM;
    if (!err)
        err = touch_range(mm, addr, PAGES(3), ACCESS_WRITE);
    if (!err)
        err = mm_protect(child, addr + PAGES(5), PAGES(10), PROT_READ);
    if (!err)
        err = mm_unmap(mm, addr + PAGES(7), PAGES(2));
    if (!err)
        err = map_at(mm, addr + PAGES(12), PAGES(4), PROT_READ, FIXED);
    check_address_space(mm);
    if (child) {
        check_address_space(child);
        mm_put(child);
    }
    mm_put(mm);
    return err;
}

TEST(mm, out_of_memory_at_any_point_of_a_life_leaves_nothing_behind)
{
    with_every_failure(whole_life, NULL);
}

static int shared_life(void *unused)
{
    struct mm *mm = mm_create();
    vaddr_t addr = TEST_BASE;
    int err = -ENOMEM;

    (void)unused;
    if (!mm)
        return err;
    err = mm_map(mm, &addr, PAGES(100), RW, MAP_SHARED | MAP_FIXED, NULL, 0);
    if (!err)
        err = touch_range(mm, addr + PAGES(60), PAGES(8), ACCESS_WRITE);
    if (!err)
        err = mm_unmap(mm, addr + PAGES(20), PAGES(45));
    mm_put(mm);
    return err;
}

TEST(mm, out_of_memory_with_shared_objects_leaves_nothing_behind)
{
    with_every_failure(shared_life, NULL);
}

TEST(mm, a_failed_operation_changes_nothing)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(16), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(16), ACCESS_WRITE), 0);
    for (u64 n = 1; n <= 2; n++) {
        fail_nth(n);
        EXPECT_EQ(mm_unmap(mm, addr + PAGES(4), PAGES(4)), -ENOMEM);
        EXPECT_EQ(fail_nth(0), 0);
        EXPECT_EQ(mm->nr_mapped, 16);
        fail_nth(n);
        EXPECT_EQ(mm_protect(mm, addr + PAGES(4), PAGES(4), PROT_READ), -ENOMEM);
        fail_nth(0);
        EXPECT_EQ(mm_fault(mm, addr + PAGES(5), ACCESS_WRITE), 0);
        fail_nth(n);
        EXPECT_EQ(map_at(mm, addr + PAGES(4), PAGES(4), PROT_READ, FIXED), -ENOMEM);
        fail_nth(0);
        EXPECT(pte_write(mm_lookup(mm, addr + PAGES(5))));
        check_address_space(mm);
    }
    mm_put(mm);
}

/* Everything but a few frames is taken, then an address space asks for more. */
TEST(mm, an_empty_machine_is_an_error_to_the_caller)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, 64 * MiB, RW);
    struct held {
        struct folio *folio;
        struct held *next;
    } *held = NULL;

    for (unsigned order = BUDDY_MAX_ORDER + 1; order-- > 0;) {
        struct folio *f;
        while (memory_available_frames() > slab_frames() + (1UL << order) + 200 &&
               (f = folio_alloc(order, 0))) {
            struct held *h = folio_address(f);
            *h = (struct held){f, held};
            held = h;
        }
    }
    EXPECT_EQ(touch_range(mm, addr, 64 * MiB, ACCESS_WRITE), -ENOMEM);
    check_address_space(mm);
    EXPECT(mm_clone(mm) == NULL || mm->nr_mapped < 50);
    mm_put(mm);
    while (held) {
        struct held *h = held;
        held = h->next;
        folio_put(h->folio);
    }
}
