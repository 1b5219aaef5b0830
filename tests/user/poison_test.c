/* SPDX-License-Identifier: MIT */
/* A program may break only a small part of memory, because broken frames never come back. */
#include <errno.h>
#include <sys/mman.h>
#include <quire/sys.h>
#include <quire/test.h>

#define MIB  (1024ul * 1024)
#define PAGE 4096ul

TEST(poison_limit, programs_break_a_small_part_of_memory)
{
    static struct quire_memory before, after;
    long err = 0;

    test_allow_leak("broken frames never come back");
    ASSERT_EQ(quire_call(memory_info, &before), 0);
    for (int round = 0; round < 64 && !err; round++) { /* 256 MiB, if no call is refused */
        char *p = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ASSERT(p != MAP_FAILED);
        ASSERT_EQ(madvise(p, 4 * MIB, MADV_POPULATE_WRITE), 0);
        err = quire_call(madvise, p, 4 * MIB, MADV_HWPOISON);
        ASSERT_EQ(munmap(p, 4 * MIB), 0);
    }
    ASSERT_EQ(quire_call(memory_info, &after), 0);
    EXPECT_EQ(err, -EBUSY);
    EXPECT(after.poisoned > before.poisoned);
    EXPECT(after.poisoned - before.poisoned <= after.frames / 64);
}
