/* SPDX-License-Identifier: MIT */
/* What programs can learn about page tables and words: walk_info (ptdump), area_info (maps), memory_info (mem). */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <quire/test.h>
#include "child.h"

#define RW   (PROT_READ | PROT_WRITE)

static struct quire_walk walk(const volatile void *address)
{
    struct quire_walk w = {0};

    EXPECT_EQ(quire_call(walk_info, 0, address, &w), 0);
    return w;
}

static char *map(size_t size)
{
    char *p = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    ASSERT(p != MAP_FAILED);
    return p;
}

TEST(walk, a_touched_page_is_walked_down_to_its_frame_and_folio)
{
    char *p = map(64 * KIB);
    p[5 * PAGE] = 1;
    struct quire_walk w = walk(p + 5 * PAGE + 123);

    EXPECT_EQ(w.end, QUIRE_WALK_FRAME);
    EXPECT(w.steps >= 3);
    EXPECT_EQ(w.step[w.steps - 1].level, 0);
    for (unsigned i = 1; i < w.steps; i++)
        EXPECT_EQ(w.step[i].level + 1, w.step[i - 1].level);
    EXPECT_EQ(w.area_start, (unsigned long)p);
    EXPECT_EQ(strcmp(w.type, "FOLIO"), 0);
    EXPECT_EQ(w.folio_order, 4);
    EXPECT_EQ(w.folio_mapped, 16);
    EXPECT_EQ(w.folio_refs, 16);
    EXPECT_EQ(w.frame, w.folio_first + 5);
    EXPECT_EQ(walk(p + 6 * PAGE).frame, w.frame + 1);
    EXPECT(w.reach == 1 || w.reach == 16); /* a group, where the machine has them */
    struct quire_area a = {0};
    for (int i = 0; quire_call(area_info, 0, i, &a) == 0 && a.start != (unsigned long)p; i++)
        ;
    EXPECT_EQ(a.contiguous_entries, w.reach > 1 ? 16 : 0);
    EXPECT(strlen(w.step[w.steps - 1].text) > 5);
}

TEST(walk, what_is_not_there_ends_the_walk)
{
    char *p = map(64 * KIB);

    struct quire_walk w = walk(p);
    EXPECT_EQ(w.end, QUIRE_WALK_EMPTY);
    EXPECT_EQ(w.area_start, (unsigned long)p);
    EXPECT_EQ(strcmp(w.step[w.steps - 1].text, "empty"), 0);
    munmap(p, 64 * KIB);
    w = walk(p);
    EXPECT_EQ(w.end, QUIRE_WALK_EMPTY);
    EXPECT_EQ(w.area_end, 0);
}

TEST(walk, a_closed_page_holds_its_frame)
{
    char *p = map(PAGE);
    p[0] = 1;
    unsigned long frame = walk(p).frame;

    mprotect(p, PAGE, PROT_NONE);
    EXPECT_EQ(walk(p).end, QUIRE_WALK_CLOSED);
    EXPECT_EQ(walk(p).frame, frame);
}

TEST(walk, a_broken_page_is_a_mark)
{
    char *p = map(64 * KIB);
    struct quire_area a = {0};

    for (int i = 0; i < 16; i++)
        p[i * PAGE] = 1;
    test_allow_leak("a broken frame never comes back");
    EXPECT_EQ(madvise(p + 3 * PAGE, PAGE, MADV_HWPOISON), 0);
    EXPECT_EQ(walk(p + 3 * PAGE).end, QUIRE_WALK_BROKEN);
    EXPECT_EQ(walk(p + 4 * PAGE).folio_broken, 1);
    EXPECT_EQ(walk(p + 4 * PAGE).folio_mapped, 15);
    test_checkpoint("a process with a broken page");
    for (int i = 0; quire_call(area_info, 0, i, &a) == 0 && a.start != (unsigned long)p; i++)
        ;
    EXPECT_EQ(a.broken_entries, 1);
    EXPECT_EQ(a.mapped, 15);
}

TEST(walk, two_processes_stand_still_one_after_the_other)
{
    pid_t children[2];

    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            for (int k = 0; k < 2; k++) /* the kernel fails the test if one thread gets the other's checkpoint */
                test_checkpoint(i ? "the second" : "the first");
            _exit(0);
        }
        ASSERT(children[i] > 0);
    }
    for (int i = 0; i < 2; i++) {
        int status = -1;
        EXPECT_EQ(waitpid(children[i], &status, 0), children[i]);
        EXPECT_EQ(status, 0);
    }
}

TEST(walk, entries_in_groups_are_counted_one_by_one)
{
    char *p = map(4 * MIB), *block = (char *)(((unsigned long)p + 2 * MIB - 1) & -(2 * MIB));
    struct quire_area a = {0};

    madvise(p, 4 * MIB, MADV_HUGEPAGE);
    block[0] = 1;
    int large = walk(block).folio_order == 9;
    munmap(block, PAGE); /* one group of the 32 is undone */
    unsigned long reach = walk(block + 16 * PAGE).reach;
    for (int i = 0; quire_call(area_info, 0, i, &a) == 0 && a.start != (unsigned long)block + PAGE; i++)
        ;
    EXPECT_EQ(a.mapped, large ? 511 : 15);
    EXPECT_EQ(a.contiguous_entries, reach > 1 ? 496 : 0);
}

TEST(walk, copies_are_counted)
{
    char *p = map(PAGE);

    madvise(p, PAGE, MADV_NOHUGEPAGE);
    p[0] = 1;
    unsigned long frame = walk(p).frame;
    EXPECT_EQ(WEXITSTATUS(IN_CHILD({
        struct quire_walk w = walk(p);
        if (w.frame != frame || w.folio_mapped != 2)
            _exit(1);
        p[0] = 2;
        _exit(walk(p).frame == frame || walk(p).folio_mapped != 1 ? 2 : 0);
    })), 0);
    EXPECT_EQ(walk(p).frame, frame);
    EXPECT_EQ(walk(p).folio_mapped, 1);
}

TEST(walk, bad_questions_are_refused)
{
    struct quire_walk w;

    EXPECT_EQ(quire_call(walk_info, 123456789, 0x200000, &w), -ESRCH);
    EXPECT_EQ(quire_call(walk_info, 0, ~0ul, &w), -EFAULT);
    EXPECT_EQ(quire_call(walk_info, 0, 1ul << 47, &w), -EFAULT);
    EXPECT_EQ(quire_call(walk_info, 0, 0x200000, 8), -EFAULT);
    EXPECT_EQ(quire_call(walk_info, getpid(), &w, &w), 0);
}

TEST(walk, folios_are_counted_by_their_order)
{
    static struct quire_memory before, after;
    char *large = map(9 * 64 * KIB), *small = map(16 * PAGE);
    char *aligned = (char *)(((unsigned long)large + 64 * KIB - 1) & -(64 * KIB));

    ASSERT_EQ(madvise(small, 16 * PAGE, MADV_NOHUGEPAGE), 0);
    ASSERT_EQ(quire_call(memory_info, &after), 0); /* both have their pages from now on */
    ASSERT_EQ(quire_call(memory_info, &before), 0);
    for (int i = 0; i < 8; i++)
        aligned[i * 64 * KIB] = 1;
    for (int i = 0; i < 16; i++)
        small[i * PAGE] = 1;
    ASSERT_EQ(quire_call(memory_info, &after), 0);
    EXPECT_EQ(after.folios[4] - before.folios[4], 8);
    EXPECT_EQ(after.folios[0] - before.folios[0], 16);
    munmap(large, 9 * 64 * KIB);
    munmap(small, 16 * PAGE);
    ASSERT_EQ(quire_call(memory_info, &after), 0);
    EXPECT_EQ(after.folios[4], before.folios[4]);
    EXPECT_EQ(after.folios[0], before.folios[0]);
}
