/* SPDX-License-Identifier: MIT */
/*
 * After cache_sync() or mprotect(), every CPU runs the last version of code that a program has written.
 */
#include "child.h"
#include <code.h>
#include <sched.h>
#include <quire/thread.h>

#define RW (PROT_READ | PROT_WRITE)
#define RX (PROT_READ | PROT_EXEC)

static int call(const void *code) { return ((int (*)(void))(uintptr_t)code)(); }

/* Writes a function there while the page is writable, then makes it executable again. */
static void rewrite(char *page, size_t at, unsigned value)
{
    ASSERT_EQ(mprotect(page, PAGE, RW), 0);
    code_write(page + at, value);
    ASSERT_EQ(mprotect(page, PAGE, RX), 0);
    ASSERT_EQ(quire_call(cache_sync, page + at, CODE_BYTES), 0);
}

TEST(cache, written_code_runs)
{
    char *page = map_pages(PAGE, RW);

    rewrite(page, 0, 42);
    EXPECT_EQ(call(page), 42);
}

TEST(cache, code_can_be_written_again_and_again)
{
    char *page = map_pages(PAGE, RW);

    for (unsigned i = 0; i < 100; i++) {
        rewrite(page, 64, i);
        EXPECT_EQ(call(page + 64), i);
    }
}

TEST(cache, every_line_of_a_page_is_looked_after)
{
    char *page = map_pages(PAGE, RW);

    for (unsigned round = 0; round < 2; round++) {
        ASSERT_EQ(mprotect(page, PAGE, RW), 0);
        for (size_t at = 0; at < PAGE; at += 16)
            code_write(page + at, (unsigned)(at / 16 + round));
        ASSERT_EQ(mprotect(page, PAGE, RX), 0);
        ASSERT_EQ(quire_call(cache_sync, page, PAGE), 0);
        for (size_t at = 0; at < PAGE; at += 16)
            EXPECT_EQ(call(page + at), at / 16 + round);
    }
}

TEST(cache, protecting_for_execution_is_enough_the_first_time)
{
    char *page = map_pages(16 * PAGE, RW);

    for (size_t at = 0; at < 16 * PAGE; at += PAGE)
        code_write(page + at, (unsigned)(at / PAGE + 3));
    ASSERT_EQ(mprotect(page, 16 * PAGE, RX), 0);
    for (size_t at = 0; at < 16 * PAGE; at += PAGE)
        EXPECT_EQ(call(page + at), at / PAGE + 3);
}

/* Two mappings of one memory object: written here, run there. */
static char *writable, *executable;

static void map_twice(void)
{
    int object = (int)quire_call(memory_create, PAGE);

    writable = mmap(NULL, PAGE, RW, MAP_SHARED, object, 0);
    executable = mmap(NULL, PAGE, RX, MAP_SHARED, object, 0);
    ASSERT(writable != MAP_FAILED && executable != MAP_FAILED);
    close(object);
}

TEST(cache, code_written_through_another_mapping_runs)
{
    map_twice();
    for (unsigned i = 0; i < 50; i++) {
        code_write(writable, i + 1);
        ASSERT_EQ(quire_call(cache_sync, executable, CODE_BYTES), 0);
        EXPECT_EQ(call(executable), i + 1);
    }
}

TEST(cache, one_request_synchronises_all_pages_of_a_range)
{
    int object = (int)quire_call(memory_create, 5 * PAGE);
    char *there = mmap(NULL, 5 * PAGE, RW, MAP_SHARED, object, 0), *here = mmap(NULL, 5 * PAGE, RX, MAP_SHARED, object, 0);

    ASSERT(there != MAP_FAILED && here != MAP_FAILED);
    close(object);
    for (unsigned round = 0; round < 5; round++) {
        for (size_t at = PAGE - 64; at < 5 * PAGE; at += PAGE)
            code_write(there + at, (unsigned)(at / PAGE + 10 * round));
        ASSERT_EQ(quire_call(cache_sync, here + PAGE - 64, 4 * PAGE + 64), 0);
        for (size_t at = PAGE - 64; at < 5 * PAGE; at += PAGE)
            EXPECT_EQ(call(here + at), at / PAGE + 10 * round);
    }
}

#define NR 4
static unsigned version, ran[NR], wrong;

/* Whenever there is a new version, this CPU must run it too. */
static void run_each_version(void *which)
{
    for (unsigned seen = 0; seen < 20;) {
        unsigned now = __atomic_load_n(&version, __ATOMIC_ACQUIRE);
        if (now == seen) {
            sched_yield();
            continue;
        }
        if ((unsigned)call(executable) != now)
            __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
        seen = now;
        __atomic_store_n(&ran[(long)which], seen, __ATOMIC_RELEASE);
    }
}

TEST(cache, new_code_runs_on_all_cpus)
{
    struct thread t[NR];

    map_twice();
    for (long i = 0; i < NR; i++)
        ASSERT_EQ(thread_start(&t[i], run_each_version, (void *)i), 0);
    for (unsigned v = 1; v <= 20; v++) {
        code_write(writable, v);
        ASSERT_EQ(quire_call(cache_sync, executable, CODE_BYTES), 0);
        __atomic_store_n(&version, v, __ATOMIC_RELEASE);
        for (int i = 0; i < NR; i++)
            while (__atomic_load_n(&ran[i], __ATOMIC_ACQUIRE) != v)
                sched_yield();
    }
    for (int i = 0; i < NR; i++)
        thread_join(&t[i]);
    EXPECT_EQ(wrong, 0);
}

TEST(cache, recycled_frames_do_not_run_old_code)
{
    for (unsigned i = 0; i < 30; i++) {
        char *page = map_pages(64 * KIB, RW);
        for (size_t at = 0; at < 64 * KIB; at += PAGE)
            code_write(page + at, i);
        ASSERT_EQ(mprotect(page, 64 * KIB, RX), 0);
        for (size_t at = 0; at < 64 * KIB; at += PAGE)
            EXPECT_EQ(call(page + at), i);
        munmap(page, 64 * KIB);
    }
}

TEST(cache, a_copied_process_runs_its_own_code)
{
    char *page = map_pages(PAGE, RW);

    rewrite(page, 0, 1);
    EXPECT_EQ(IN_CHILD(rewrite(page, 0, 2); _exit(call(page))), 2 << 8);
    EXPECT_EQ(call(page), 1);
}

TEST(cache, cache_sync_checks_its_range)
{
    char *page = map_pages(2 * PAGE, RW);

    EXPECT_CALL(-EINVAL, cache_sync, page, -1l);
    EXPECT_CALL(-EINVAL, cache_sync, -PAGE, PAGE);
    EXPECT_CALL(-EINVAL, cache_sync, -PAGE, 2 * PAGE);
    EXPECT_CALL(0, cache_sync, page, 0);
    EXPECT_CALL(0, cache_sync, page + 1, 2 * PAGE - 1); /* never written: nothing to do */
    munmap(page + PAGE, PAGE);
    EXPECT_CALL(0, cache_sync, page, 2 * PAGE);
}
