/* SPDX-License-Identifier: MIT */
/*
 * The loader refuses broken programs before it makes anything for them, and says what is wrong. tools/broken_elf.py
 * makes the files from bin/hello.
 */
#include "child.h"
#include <quire/files.h>
#include <quire/loader.h>

static void expect_refused(const char *name)
{
    char path[64] = "broken/", *const argv[] = {"broken", NULL};

    strlcpy(path + 7, name, sizeof(path) - 7);
    struct quire_start start;
    long result = program_load(path, argv, 0, &start);
    if (result != -ENOEXEC)
        test_fail(__FILE__, __LINE__, "%s: the loader says %ld, expected %d (not a program)", path, result, -ENOEXEC);
}

#define REFUSED(name)                                                                              \
    TEST(elf, name##_is_refused) { expect_refused(#name); }

REFUSED(empty)
REFUSED(not_elf)
REFUSED(header_cut)
REFUSED(headers_cut)
REFUSED(segment_cut)
REFUSED(wrong_class)
REFUSED(wrong_order)
REFUSED(wrong_machine)
REFUSED(wrong_type)
REFUSED(headers_past_end)
REFUSED(headers_wrap)
REFUSED(headers_odd_size)
REFUSED(no_segments)
REFUSED(entry_outside)
REFUSED(entry_in_data)
REFUSED(entry_in_kernel)
REFUSED(overlap)
REFUSED(write_and_execute)
REFUSED(not_on_a_page)
REFUSED(segment_past_end)
REFUSED(segment_wraps_in_file)
REFUSED(file_larger_than_memory)
REFUSED(huge)
REFUSED(huger)
REFUSED(at_null)
REFUSED(in_kernel)

TEST(elf, every_broken_file_of_the_archive_is_refused)
{
    struct listed_file e;
    int nr = 0;

    for (long i = 0; list_file(i, &e) == 0; i++)
        if (strncmp(e.name, "broken/", 7) == 0) {
            expect_refused(e.name + 7);
            nr++;
        }
    EXPECT_EQ(nr, 26);
}

TEST(elf, a_refused_program_leaves_no_process)
{
    expect_refused("segment_cut");
    EXPECT_EQ(wait(NULL), -1);
    EXPECT_CALL(-EBADF, close, QUIRE_SPAWN_HANDLES);
}
