/* SPDX-License-Identifier: MIT */
/* Mapping memory: POSIX's rules (mmap, munmap, mprotect), Linux's madvise, and Quire's batches. */
#include "child.h"
#include <arch/layout.h>

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static void expect_bytes(const char *p, size_t n, char want)
{
    for (size_t i = 0; i < n; i += 61)
        if (p[i] != want) {
            test_fail(__FILE__, __LINE__, "byte %zu at %p is %d, expected %d", i, (const void *)p,
                      p[i], want);
            return;
        }
}

/* --- mmap ------------------------------------------------------------------------------ */
TEST(mmap, anonymous_memory_reads_as_zeros)
{
    char *p = map_pages(MIB, RW);

    expect_bytes(p, MIB, 0);
}

TEST(mmap, recycled_frames_read_as_zeros_again)
{
    for (int round = 0; round < 4; round++) {
        char *p = map_pages(256 * KIB, RW);
        expect_bytes(p, 256 * KIB, 0);
        memset(p, 0x5a, 256 * KIB);
        munmap(p, 256 * KIB);
    }
}

TEST(mmap, lengths_are_rounded_up_to_pages)
{
    struct quire_area area;
    char *p = map_pages(PAGE + 1, RW);

    p[2 * PAGE - 1] = 1;
    ASSERT(find_area(p, &area));
    EXPECT_EQ(area.end - (uintptr_t)p, 2 * PAGE);
    EXPECT_EQ(munmap(p, 1), 0);
    EXPECT_DIES(SIGSEGV, p[PAGE - 1] = 1);
    EXPECT_EQ(p[2 * PAGE - 1], 1);
}

TEST(mmap, a_program_starts_at_the_end_of_its_stack)
{
    struct quire_area area;

    ASSERT(find_area(&area, &area));
    EXPECT(area.end - (uintptr_t)&area <= 64 * KIB);
}

TEST(mmap, a_mapping_is_private_or_shared_and_has_a_length)
{
    EXPECT_CALL(-EINVAL, mmap, 0, PAGE, RW, MAP_ANONYMOUS, -1);
    EXPECT_CALL(-EINVAL, mmap, 0, PAGE, RW, MAP_ANONYMOUS | MAP_SHARED | MAP_PRIVATE, -1);
    EXPECT_CALL(-EINVAL, mmap, 0, 0, RW, ANON, -1);
    EXPECT_CALL(-EINVAL, mmap, 0, PAGE, 8 | RW, ANON, -1);
    EXPECT_CALL(-EINVAL, mmap, 0, PAGE, RW | 1l << 32, ANON, -1);
    EXPECT_CALL(-EINVAL, mmap, 0, PAGE, RW, ANON | 1l << 40, -1);
}

TEST(mmap, more_than_the_address_space_is_refused)
{
    EXPECT_CALL(-ENOMEM, mmap, 0, USER_TOP, RW, ANON, -1);
    EXPECT_CALL(-ENOMEM, mmap, 0, USER_TOP + PAGE, RW, ANON, -1);
    EXPECT_CALL(-ENOMEM, mmap, 0, -1l, RW, ANON, -1);
    EXPECT_CALL(-ENOMEM, mmap, 0, -PAGE, RW, ANON, -1);
    EXPECT_CALL(-ENOMEM, mmap, USER_TOP - PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1);
    EXPECT_CALL(-ENOMEM, mmap, -PAGE, PAGE, RW, ANON | MAP_FIXED, -1);
    EXPECT_CALL(-ENOMEM, mmap, -PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1);
}

TEST(mmap, nothing_is_mapped_at_null)
{
    EXPECT_CALL(-EPERM, mmap, 0, PAGE, RW, ANON | MAP_FIXED, -1);
    EXPECT_CALL(-EPERM, mmap, 0, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1);
    EXPECT(mmap(NULL, PAGE, RW, ANON, -1, 0) != NULL);
}

TEST(mmap, a_free_hint_is_taken_and_a_taken_one_moved)
{
    char *p = map_pages(4 * PAGE, RW);

    munmap(p, 4 * PAGE);
    EXPECT(mmap(p + PAGE, PAGE, RW, ANON, -1, 0) == p + PAGE);
    p[PAGE] = 7;
    char *other = mmap(p, 4 * PAGE, RW, ANON, -1, 0);
    EXPECT(other != MAP_FAILED && (other >= p + 2 * PAGE || other + 4 * PAGE <= p + PAGE));
    EXPECT_EQ(p[PAGE], 7);
    /* A hint needn't be aligned. */
    EXPECT(mmap((void *)12345, PAGE, RW, ANON, -1, 0) != MAP_FAILED);
}

TEST(mmap, fixed_replaces_what_was_there)
{
    char *p = map_pages(3 * PAGE, RW);

    memset(p, 1, 3 * PAGE);
    EXPECT(mmap(p + PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0) == p + PAGE);
    expect_bytes(p, PAGE, 1);
    expect_bytes(p + PAGE, PAGE, 0);
    expect_bytes(p + 2 * PAGE, PAGE, 1);
    EXPECT_DIES(SIGSEGV, p[PAGE] = 1);
    EXPECT_CALL(-EINVAL, mmap, p + 1, PAGE, RW, ANON | MAP_FIXED, -1);
}

TEST(mmap, noreplace_refuses_what_is_taken_and_changes_nothing)
{
    char *p = map_pages(2 * PAGE, RW);

    memset(p, 1, 2 * PAGE);
    EXPECT_CALL(-EEXIST, mmap, p + PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1);
    EXPECT_CALL(-EEXIST, mmap, p - PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1);
    expect_bytes(p, 2 * PAGE, 1);
    munmap(p, PAGE);
    EXPECT_CALL((long)p, mmap, p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1);
    expect_bytes(p, PAGE, 0);
}

TEST(mmap, writable_and_executable_at_once_is_refused)
{
    struct quire_area area;
    char *p = map_pages(PAGE, RW);

    EXPECT_CALL(-EACCES, mmap, 0, PAGE, RW | PROT_EXEC, ANON, -1);
    EXPECT_CALL(-EACCES, mprotect, p, PAGE, RW | PROT_EXEC);
    EXPECT_CALL(-EACCES, mprotect, p, PAGE, PROT_WRITE | PROT_EXEC);
    ASSERT(find_area(p, &area));
    EXPECT_EQ(area.prot, RW);
    p[0] = 1;
}

/* --- munmap ---------------------------------------------------------------------------- */
TEST(mmap, unmapped_memory_is_gone)
{
    char *p = map_pages(PAGE, RW);

    p[0] = 1;
    EXPECT_EQ(munmap(p, PAGE), 0);
    EXPECT_DIES(SIGSEGV, (void)*(volatile char *)p);
    EXPECT_DIES(SIGSEGV, p[0] = 1);
    EXPECT_DIES(SIGSEGV, ((void (*)(void))(uintptr_t)p)());
}

TEST(mmap, unmapping_checks_its_arguments)
{
    char *p = map_pages(PAGE, RW);

    EXPECT_CALL(-EINVAL, munmap, p + 1, PAGE);
    EXPECT_CALL(-EINVAL, munmap, p, 0);
    EXPECT_CALL(-EINVAL, munmap, p, -1l);
    EXPECT_CALL(-EINVAL, munmap, p, -(long)p);
    EXPECT_CALL(-EINVAL, munmap, USER_TOP - PAGE, 2 * PAGE);
    EXPECT_CALL(-EINVAL, munmap, -PAGE, PAGE);
    p[0] = 1;
    EXPECT_CALL(0, munmap, p, PAGE);
    EXPECT_CALL(0, munmap, p, PAGE); /* POSIX: unmapping nothing is no error */
}

TEST(mmap, unmapping_the_middle_splits_an_area_and_keeps_its_ends)
{
    struct quire_area low, high;
    char *p = map_pages(48 * PAGE, RW);

    memset(p, 3, 48 * PAGE);
    EXPECT_EQ(munmap(p + 20 * PAGE, 3 * PAGE), 0);
    ASSERT(find_area(p, &low) && find_area(p + 23 * PAGE, &high));
    EXPECT_EQ(low.end, (uintptr_t)p + 20 * PAGE);
    EXPECT_EQ(high.start, (uintptr_t)p + 23 * PAGE);
    EXPECT(!find_area(p + 21 * PAGE, &low));
    expect_bytes(p, 20 * PAGE, 3);
    expect_bytes(p + 23 * PAGE, 25 * PAGE, 3);
    EXPECT_DIES(SIGSEGV, p[20 * PAGE] = 1);
    EXPECT_DIES(SIGSEGV, p[23 * PAGE - 1] = 1);
}

TEST(mmap, filling_a_gap_merges_the_areas_again)
{
    struct quire_area area;
    char *p = map_pages(48 * PAGE, RW);

    memset(p, 3, 48 * PAGE);
    munmap(p + 20 * PAGE, 3 * PAGE);
    ASSERT(mmap(p + 20 * PAGE, 3 * PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + 20 * PAGE);
    ASSERT(find_area(p, &area));
    EXPECT(area.end >= (uintptr_t)p + 48 * PAGE);
    expect_bytes(p + 20 * PAGE, 3 * PAGE, 0);
    expect_bytes(p + 23 * PAGE, 25 * PAGE, 3);
}

TEST(mmap, one_munmap_takes_many_areas_and_gaps)
{
    char *p = map_pages(64 * PAGE, RW);
    struct quire_area area;

    for (int i = 0; i < 64; i += 4) {
        mprotect(p + i * PAGE, PAGE, PROT_READ);
        munmap(p + (i + 2) * PAGE, PAGE);
    }
    EXPECT_EQ(munmap(p + PAGE, 62 * PAGE), 0);
    for (int i = 1; i < 63; i++)
        EXPECT(!find_area(p + i * PAGE, &area));
    EXPECT(find_area(p, &area) && find_area(p + 63 * PAGE, &area));
}

/* --- mprotect -------------------------------------------------------------------------- */
TEST(mmap, read_only_memory_is_read_and_not_written)
{
    char *p = map_pages(2 * PAGE, RW);

    memset(p, 9, 2 * PAGE);
    EXPECT_EQ(mprotect(p, PAGE, PROT_READ), 0);
    expect_bytes(p, 2 * PAGE, 9);
    EXPECT_DIES(SIGSEGV, p[0] = 1);
    p[PAGE] = 1;
    EXPECT_EQ(mprotect(p, PAGE, RW), 0);
    p[0] = 1;
    EXPECT_EQ(p[1], 9);
}

TEST(mmap, protected_memory_faults_and_keeps_its_contents)
{
    char *p = map_pages(40 * PAGE, RW);

    memset(p, 9, 40 * PAGE);
    EXPECT_EQ(mprotect(p, 40 * PAGE, PROT_NONE), 0);
    EXPECT_DIES(SIGSEGV, (void)*(volatile char *)p);
    EXPECT_DIES(SIGSEGV, p[39 * PAGE] = 1);
    EXPECT_EQ(mprotect(p, 40 * PAGE, PROT_READ), 0);
    expect_bytes(p, 40 * PAGE, 9);
}

TEST(mmap, memory_that_was_never_touched_can_be_protected)
{
    char *p = mmap(NULL, 4 * PAGE, PROT_NONE, ANON, -1, 0);

    ASSERT(p != MAP_FAILED);
    EXPECT_DIES(SIGSEGV, (void)*(volatile char *)p);
    EXPECT_EQ(mprotect(p + PAGE, PAGE, RW), 0);
    p[PAGE] = 1;
    EXPECT_DIES(SIGSEGV, p[2 * PAGE] = 1);
}

TEST(mmap, data_is_not_executable)
{
    char *p = map_pages(PAGE, RW);
    static char data[16];

    EXPECT_DIES(SIGSEGV, ((void (*)(void))(uintptr_t)p)());
    EXPECT_DIES(SIGSEGV, ((void (*)(void))(uintptr_t)data)());
    char on_stack[16] = {0};
    EXPECT_DIES(SIGSEGV, ((void (*)(void))(uintptr_t)on_stack)());
}

TEST(mmap, protecting_the_middle_splits_and_undoing_it_merges)
{
    struct quire_area area;
    char *p = map_pages(32 * PAGE, RW);

    memset(p, 4, 32 * PAGE);
    EXPECT_EQ(mprotect(p + 8 * PAGE, 8 * PAGE, PROT_READ), 0);
    ASSERT(find_area(p + 8 * PAGE, &area));
    EXPECT_EQ(area.start, (uintptr_t)p + 8 * PAGE);
    EXPECT_EQ(area.end, (uintptr_t)p + 16 * PAGE);
    EXPECT_EQ(area.prot, PROT_READ);
    EXPECT_EQ(area.mapped, 8);
    EXPECT_EQ(mprotect(p + 8 * PAGE, 8 * PAGE, RW), 0);
    ASSERT(find_area(p + 8 * PAGE, &area));
    EXPECT(area.start <= (uintptr_t)p && area.end >= (uintptr_t)p + 32 * PAGE);
    memset(p, 5, 32 * PAGE);
}

TEST(mmap, protecting_over_a_gap_is_refused)
{
    char *p = map_pages(3 * PAGE, RW);

    munmap(p + PAGE, PAGE);
    EXPECT_CALL(-ENOMEM, mprotect, p, 3 * PAGE, PROT_READ);
    EXPECT_CALL(-EINVAL, mprotect, p + 1, PAGE, PROT_READ);
    EXPECT_CALL(-EINVAL, mprotect, p, PAGE, 8);
    EXPECT_CALL(-EINVAL, mprotect, p, -(long)p, PROT_READ);
    EXPECT_CALL(-EINVAL, mprotect, p, PAGE, 1l << 32);
    p[0] = 1;
    p[2 * PAGE] = 1;
}

TEST(mmap, hundreds_of_small_areas_keep_their_contents)
{
    enum { NR = 300 };
    char *p = map_pages(NR * PAGE, RW);

    for (int i = 0; i < NR; i++)
        p[i * PAGE] = (char)i;
    for (int i = 0; i < NR; i += 2)
        EXPECT_EQ(mprotect(p + i * PAGE, PAGE, PROT_READ), 0);
    for (int i = 0; i < NR; i++)
        EXPECT_EQ(p[i * PAGE], (char)i);
    for (int i = 1; i < NR; i += 2)
        p[i * PAGE] = 1;
    EXPECT_DIES(SIGSEGV, p[100 * PAGE] = 1);
    EXPECT_EQ(mprotect(p, NR * PAGE, RW), 0);
    for (int i = 0; i < NR; i++)
        p[i * PAGE] = 2;
}

/* --- madvise --------------------------------------------------------------------------- */
TEST(mmap, dontneed_gives_zeros_and_only_in_its_range)
{
    struct quire_area area;
    char *p = map_pages(32 * PAGE, RW);

    memset(p, 6, 32 * PAGE);
    EXPECT_EQ(madvise(p + 3 * PAGE, 20 * PAGE, MADV_DONTNEED), 0);
    ASSERT(find_area(p, &area));
    EXPECT_EQ(area.mapped, 12);
    expect_bytes(p, 3 * PAGE, 6);
    expect_bytes(p + 3 * PAGE, 20 * PAGE, 0);
    expect_bytes(p + 23 * PAGE, 9 * PAGE, 6);
}

TEST(mmap, populate_brings_everything_in)
{
    struct quire_area area;
    char *p = map_pages(100 * PAGE, RW);

    ASSERT(find_area(p, &area));
    EXPECT_EQ(area.mapped, 0);
    EXPECT_EQ(madvise(p, 100 * PAGE, MADV_POPULATE_WRITE), 0);
    ASSERT(find_area(p, &area));
    EXPECT_EQ(area.mapped, 100);
    uint64_t before = test_count(COUNTER_FAULT_ANON);
    memset(p, 1, 100 * PAGE);
    EXPECT_EQ(test_count(COUNTER_FAULT_ANON), before);
}

TEST(mmap, advice_is_checked)
{
    char *p = map_pages(3 * PAGE, PROT_READ);

    munmap(p + PAGE, PAGE);
    EXPECT_CALL(-EINVAL, madvise, p, PAGE, 12345);
    EXPECT_CALL(-EINVAL, madvise, p + 1, PAGE, MADV_DONTNEED);
    EXPECT_CALL(-EINVAL, madvise, p, -(long)p, MADV_DONTNEED);
    EXPECT_CALL(-ENOMEM, madvise, p, 3 * PAGE, MADV_DONTNEED);
    EXPECT_CALL(-ENOMEM, madvise, p + PAGE, PAGE, MADV_POPULATE_READ);
    EXPECT_CALL(-EACCES, madvise, p, PAGE, MADV_POPULATE_WRITE);
    EXPECT_CALL(0, madvise, p, 0, MADV_DONTNEED);
}

/* --- shared memory and objects --------------------------------------------------------- */
TEST(mmap, shared_memory_is_one_for_parent_and_child)
{
    volatile char *p = map_shared(40 * PAGE);

    p[0] = 1;
    EXPECT_EQ(IN_CHILD(if (p[0] != 1) _exit(1); p[0] = 2; p[30 * PAGE] = 3), 0);
    EXPECT_EQ(p[0], 2);
    EXPECT_EQ(p[30 * PAGE], 3);
}

TEST(mmap, shared_memory_outlives_the_process_that_made_it)
{
    char *p = map_shared(2 * PAGE), *answer = map_shared(PAGE);

    pid_t pid = fork();
    if (pid == 0) {
        while (!*(volatile char *)answer)
            quire_call(yield);
        _exit(p[PAGE]);
    }
    p[PAGE] = 42;
    munmap(p, 2 * PAGE);
    *(volatile char *)answer = 1;
    int status;
    waitpid(pid, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST(mmap, a_memory_object_shows_the_same_bytes_wherever_it_is_mapped)
{
    int object = (int)quire_call(memory_create, 20 * PAGE);
    char *a = mmap(NULL, 20 * PAGE, RW, MAP_SHARED, object, 0);
    char *b = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, object, 17 * PAGE);

    ASSERT(a != MAP_FAILED && b != MAP_FAILED);
    a[17 * PAGE] = 1;
    a[18 * PAGE + 5] = 2;
    EXPECT_EQ(b[0], 1);
    EXPECT_EQ(b[PAGE + 5], 2);
    test_checkpoint("one object mapped twice");
    EXPECT_EQ(close(object), 0);
    munmap(a, 20 * PAGE);
    EXPECT_EQ(b[0], 1); /* the mapping holds the object */
}

TEST(mmap, a_private_mapping_of_an_object_is_a_copy_once_written)
{
    int object = (int)quire_call(memory_create, 4 * PAGE);
    char *shared = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, object, 0);
    char *private = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, object, 0);

    ASSERT(shared != MAP_FAILED && private != MAP_FAILED);
    shared[0] = 1;
    EXPECT_EQ(private[0], 1);
    test_checkpoint("a private copy of one page of an object");
    private[1] = 2;
    EXPECT_EQ(shared[1], 0);
    EXPECT_EQ(private[0], 1);
    shared[0] = 3;
    EXPECT_EQ(private[0], 1);
}

TEST(mmap, mapping_an_object_checks_handle_and_range)
{
    int object = (int)quire_call(memory_create, 4 * PAGE);

    EXPECT_CALL(-EINVAL, mmap, 0, PAGE, RW, MAP_SHARED, object, 4 * PAGE);
    EXPECT_CALL(-EINVAL, mmap, 0, PAGE, RW, MAP_SHARED, object, 1);
    EXPECT_CALL(-EINVAL, mmap, 0, PAGE, RW, MAP_SHARED, object, -PAGE);
    EXPECT_CALL(-EBADF, mmap, 0, PAGE, RW, MAP_SHARED, -1, 0);
    EXPECT_CALL(-EBADF, mmap, 0, PAGE, RW, MAP_SHARED, 1, 0);
    EXPECT_CALL(-EBADF, mmap, 0, PAGE, RW, MAP_SHARED, object + 1, 0);
    EXPECT_CALL(-EINVAL, memory_create, 0);
    EXPECT_CALL(-EINVAL, memory_create, -1l);
}

/* --- batches --------------------------------------------------------------------------- */
TEST(mmap, a_touch_brings_in_64_kib_in_one_batch)
{
    struct quire_area area;
    char *p = map_pages(256 * KIB, RW);

    EXPECT_EQ((uintptr_t)p % (64 * KIB), 0);
    uint64_t faults = test_count(COUNTER_FAULT_ANON), calls = test_count(COUNTER_SET_PTES_CALLS);
    p[100 * KIB] = 1;
    EXPECT_EQ(test_count(COUNTER_FAULT_ANON) - faults, 1);
    EXPECT_EQ(test_count(COUNTER_SET_PTES_CALLS) - calls, 1);
    ASSERT(find_area(p, &area));
    EXPECT_EQ(area.mapped, 16);
    EXPECT_EQ(area.batches, 1);
    EXPECT_EQ(area.largest_batch, 16);
    EXPECT_EQ(area.folios[4], 1);
}

TEST(mmap, a_megabyte_costs_at_most_16_faults)
{
    char *p = map_pages(MIB, RW);
    uint64_t before = test_count(COUNTER_FAULT_ANON);

    memset(p, 1, MIB);
    EXPECT(test_count(COUNTER_FAULT_ANON) - before <= 16);
}

TEST(mmap, nohugepage_asks_for_single_pages)
{
    struct quire_area area;
    char *p = map_pages(64 * KIB, RW);

    EXPECT_EQ(madvise(p, 64 * KIB, MADV_NOHUGEPAGE), 0);
    p[0] = 1;
    ASSERT(find_area(p, &area));
    EXPECT_EQ(area.mapped, 1);
    EXPECT_EQ(area.folios[0], 1);
}

TEST(mmap, sparse_memory_takes_only_what_is_touched)
{
    struct quire_area area;
    char *p = map_pages(1024 * MIB, RW);

    for (size_t at = 0; at < 1024 * MIB; at += 64 * MIB)
        p[at] = 1;
    ASSERT(find_area(p, &area));
    EXPECT(area.mapped <= 16 * 16);
    EXPECT_EQ(munmap(p, 1024 * MIB), 0);
}
