/* SPDX-License-Identifier: MIT */
/*
 * What a program finds when it begins: its variables, its arguments, its handles. This program was started by the
 * kernel, and starts itself again by the library: both lay it out in the same way.
 */
#include "child.h"
#include <stdlib.h>
#include <quire/loader.h>
#include <uapi/quire/ipc.h>

#define PLENTY 20000

static unsigned char before[5] = "data"; /* the file's part of the variables ends somewhere behind this */
static unsigned char zeros[PLENTY];

static int nonzero(void)
{
    int n = 0;

    for (int i = 0; i < PLENTY; i++)
        n += zeros[i] != 0;
    return n;
}

TEST(spawn, variables_without_a_value_are_zeros)
{
    EXPECT_EQ(nonzero(), 0);
    EXPECT_EQ(memcmp(before, "data", 5), 0);
    memset(zeros, 1, PLENTY);
}

/* A test of this program, run by its own main(), and not by the kernel's. Its status says whether it failed. */
static int run_here(char *test)
{
    char *const argv[] = {"spawn_test", test, "1", NULL};
    int status = -1;
    pid_t pid = spawn("tests/spawn_test", argv);

    EXPECT(pid > 0);
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

TEST(spawn, a_program_that_the_library_loads_finds_the_same)
{
    memset(before, 2, 4); /* it has its own */
    memset(zeros, 2, PLENTY);
    EXPECT_EQ(run_here("spawn.variables_without_a_value_are_zeros"), 0);
    EXPECT_EQ(run_here("spawn.variables_without_a_value_are_zeros"), 0);
}

/* Text isn't copied: a further process that runs the same program takes none of it. */
TEST(spawn, the_text_is_the_archives_own)
{
    struct quire_walk here, archive;
    struct quire_area area;
    uintptr_t text = (uintptr_t)run_here & ~(PAGE - 1);

    ASSERT(find_area((void *)text, &area));
    EXPECT_EQ(area.prot, PROT_READ | PROT_EXEC);
    uint64_t offset = area.offset + (text - area.start);
    char *p = (char *)quire_call(mmap, NULL, PAGE, PROT_READ, MAP_SHARED, QUIRE_ARCHIVE, offset);
    EXPECT_EQ(memcmp(p, (void *)text, PAGE), 0);
    EXPECT_EQ(quire_call(walk_info, 0, text, &here), 0);
    EXPECT_EQ(quire_call(walk_info, 0, p, &archive), 0);
    EXPECT_EQ(here.frame, archive.frame);
}

TEST(spawn, a_loaded_program_starts_when_its_maker_likes)
{
    char *const argv[] = {"hello", "7", NULL};
    struct quire_start start;
    int status = -1;
    long process = program_load("bin/hello", argv, 0, &start);

    ASSERT(process >= 0);
    EXPECT_EQ(start.arguments[0], 2);
    EXPECT_CALL(-EAGAIN, process_status, process, &status);
    EXPECT_CALL(0, process_start, process, &start);
    EXPECT_EQ(end_of(process), 7 << 8);
    EXPECT_EQ(wait(&status), -1); /* it was no child */
}

TEST(spawn, what_is_loaded_and_not_started_goes_with_its_handle)
{
    char *const argv[] = {"hello", NULL};
    struct quire_start start;

    for (int i = 0; i < 30; i++)
        EXPECT_CALL(0, close, program_load("bin/hello", argv, 0, &start));
}

/* Memory that is there; NULL: there isn't so much. */
static char *take(size_t bytes)
{
    char *p = map_pages(bytes, PROT_READ | PROT_WRITE);

    madvise(p, bytes, MADV_NOHUGEPAGE + (bytes > MIB ? MADV_HUGEPAGE - MADV_NOHUGEPAGE : 0));
    if (madvise(p, bytes, MADV_POPULATE_WRITE) == 0)
        return p;
    munmap(p, bytes);
    return NULL;
}

/* Nothing is left of the account but the spare pages, which can be given back one by one. */
#define SPARE 64
static char *take_all(void)
{
    char *spare = take(SPARE * PAGE);

    ASSERT(spare != NULL);
    for (size_t bytes = 256 * MIB; bytes >= PAGE; bytes /= 2)
        while (take(bytes))
            ;
    return spare;
}

/* With each page more the loader comes a step further, gives back what it took, and at last the program runs. */
TEST(spawn, without_memory_it_fails_and_keeps_nothing)
{
    char *const argv[] = {"true", NULL};
    struct quire_memory m;
    int status, failed = 0, done = 0;

    quire_call(memory_info, &m);
    if (m.frames > 1024 * MIB / PAGE)
        SKIP("takes its time with more than 1 GiB");
    EXPECT(spawn("bin/true", argv) > 0); /* the library has its own memory now */
    EXPECT(wait(&status) > 0 && status == 0);
    char *spare = take_all();
    int next = QUIRE_SPAWN_HANDLES + 1; /* behind the notification of children */
    for (int page = 0; page < SPARE && !done; page++) {
        pid_t pid = spawn("bin/true", argv);
        done = pid > 0;
        failed += pid < 0 && errno == ENOMEM;
        EXPECT_EQ(done + failed, page + 1);
        if (done)
            EXPECT(wait(&status) == pid && status == 0);
        EXPECT_CALL(-EBADF, close, next);
        munmap(spare + page * PAGE, PAGE);
    }
    EXPECT(failed > 1);
    EXPECT(done);
}
