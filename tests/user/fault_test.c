/* SPDX-License-Identifier: MIT */
/* The effects of faults in a program: zeros that cost nothing, bus errors, stacks that grow, copies after fork. */
#include "child.h"
#include <quire/sys.h>
#include <quire/thread.h>

#define RW (PROT_READ | PROT_WRITE)

static long count(int which) { return quire_call(counter, which); }

TEST(fault_user, reading_a_large_sparse_mapping_takes_no_memory)
{
    char *p = map_pages(64 * MIB, RW);
    long folios = count(COUNTER_FOLIO_ALLOC), sum = 0;

    for (size_t at = 0; at < 64 * MIB; at += PAGE)
        sum += p[at];
    EXPECT_EQ(sum, 0);
    EXPECT_EQ(count(COUNTER_FOLIO_ALLOC), folios);
    p[5 * MIB] = 1;
    EXPECT_EQ(p[5 * MIB + PAGE], 0);
    EXPECT_EQ(p[6 * MIB], 0);
    EXPECT(count(COUNTER_FOLIO_ALLOC) - folios <= 1);
    munmap(p, 64 * MIB);
}

TEST(fault_user, an_access_behind_an_objects_end_is_a_bus_error)
{
    int object = (int)quire_call(memory_create, 3 * PAGE);
    char *p = mmap(NULL, 8 * PAGE, RW, MAP_SHARED, object, 0);

    ASSERT(p != MAP_FAILED);
    p[3 * PAGE - 1] = 7;
    EXPECT_EQ(p[3 * PAGE - 1], 7);
    EXPECT_DIES(SIGBUS, p[3 * PAGE] = 1);
    EXPECT_DIES(SIGBUS, (void)((volatile char *)p)[7 * PAGE]);
    EXPECT_EQ(madvise(p, 8 * PAGE, MADV_POPULATE_READ), -1);
    EXPECT_EQ(p[3 * PAGE - 1], 7);
    munmap(p, 8 * PAGE);
    close(object);
}

TEST(fault_user, shared_objects_stay_shared_through_forks_and_private_ones_do_not)
{
    int object = (int)quire_call(memory_create, 64 * KIB);
    char *shared = mmap(NULL, 64 * KIB, RW, MAP_SHARED, object, 0);
    char *private = mmap(NULL, 64 * KIB, RW, MAP_PRIVATE, object, 0);

    ASSERT(shared != MAP_FAILED && private != MAP_FAILED);
    for (int i = 0; i < 16; i++)
        shared[i * PAGE] = (char)i;
    private[4 * PAGE] = 99;
    EXPECT_EQ(IN_CHILD({
        if (private[4 * PAGE] != 99 || private[5 * PAGE] != 5)
            _exit(1);
        shared[5 * PAGE] = 50;
        private[6 * PAGE] = 60;
        if (IN_CHILD(shared[7 * PAGE] = 70) != 0 || private[5 * PAGE] != 50)
            _exit(2);
    }), 0);
    EXPECT_EQ(shared[5 * PAGE], 50);
    EXPECT_EQ(shared[7 * PAGE], 70);
    EXPECT_EQ(shared[6 * PAGE], 6);
    EXPECT_EQ(private[6 * PAGE], 6);
    EXPECT_EQ(private[4 * PAGE], 99);
    EXPECT_EQ(shared[4 * PAGE], 4);
    munmap(shared, 64 * KIB);
    munmap(private, 64 * KIB);
    close(object);
}

/* About 1 KiB of stack a call. */
static __attribute__((noinline)) long deep(long n)
{
    volatile char frame[1024];

    frame[0] = (char)n;
    frame[1023] = 1;
    return n ? deep(n - 1) + frame[1023] : frame[1023];
}

TEST(fault_user, the_first_threads_stack_grows_to_megabytes)
{
    long grown = count(COUNTER_STACK_GROWN);

    EXPECT_EQ(deep(4000), 4001);
    EXPECT(count(COUNTER_STACK_GROWN) > grown);
    EXPECT_EQ(IN_CHILD(if (deep(5000) != 5001) _exit(1)), 0); /* a child's copy of the stack grows too */
}

TEST(fault_user, endless_recursion_ends_the_process_and_nothing_else) { EXPECT_DIES(SIGSEGV, deep(1000000)); }

TEST(fault_user, a_process_that_eats_all_it_may_have_dies_of_it)
{
    int status = IN_CHILD({
        for (;;) {
            char *p = mmap(NULL, 64 * MIB, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (p == MAP_FAILED)
                _exit(1);
            for (size_t at = 0; at < 64 * MIB; at += PAGE)
                p[at] = 1;
        }
    });

    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    char *p = map_pages(MIB, RW);
    memset(p, 1, MIB);
    munmap(p, MIB);
}

TEST(fault_user, after_the_child_is_gone_64_kib_are_ours_with_one_fault)
{
    char *p = map_pages(64 * KIB, RW);

    memset(p, 1, 64 * KIB);
    EXPECT_EQ(IN_CHILD(p[3 * PAGE] = 2), 0);
    long reused = count(COUNTER_FAULT_REUSE);
    for (int i = 0; i < 16; i++)
        p[i * PAGE] = (char)(i + 1);
    EXPECT(count(COUNTER_FAULT_REUSE) - reused <= 3); /* this page, and the stack's */
    for (int i = 0; i < 16; i++)
        EXPECT_EQ(p[i * PAGE], i + 1);
    EXPECT_EQ(p[3 * PAGE + 1], 1);
    munmap(p, 64 * KIB);
}
