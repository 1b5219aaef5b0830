/* SPDX-License-Identifier: MIT */
/*
 * The kernel's record of a crash, which a parent reads by wait(), and the tables that explain it. Stacks and files that
 * programs have damaged must be harmless. tests/runner/crash.py looks at what init prints.
 */
#include "child.h"
#include <fcntl.h>
#include <stdlib.h>
#include <code.h>
#include <quire/explain.h>

/* --- the record -------------------------------------------------------------------------------- */
/* Makes every word above the frame of this function `value`, and crashes. */
static void __attribute__((noinline)) crash_with(uintptr_t value)
{
    volatile uintptr_t *frame = __builtin_frame_address(0);

    for (int i = -2; i < 24; i++)
        frame[i] = value;
    CODE_ILLEGAL();
}

/* The record of a child that crashes on a stack full of this value. */
static struct quire_crash crash_of(uintptr_t value)
{
    struct quire_crash crash = {0};
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        crash_with(value);
    EXPECT_EQ(wait_crash(pid, &status, 0, &crash), pid);
    EXPECT_EQ(status, SIGILL);
    return crash;
}

TEST(crash, a_stack_full_of_anything_is_harmless)
{
    char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(page != MAP_FAILED);
    munmap(page + PAGE, PAGE);
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    const uintptr_t values[] = {0,          1,          8,          16,         ~0UL,          ~0UL - 7,   ~0UL - 15,
                                1UL << 63,  1UL << 38,  1UL << 47,  1UL << 20,  here,          here + 1,   here + 8,
                                here - PAGE, (uintptr_t)page, (uintptr_t)page + PAGE - 8, (uintptr_t)page + PAGE + 8};

    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct quire_crash crash = crash_of(values[i]);
        EXPECT(crash.pc >= (uintptr_t)crash_with && crash.pc < (uintptr_t)crash_with + 512);
        EXPECT_EQ(strcmp(crash.name, "crash_test"), 0);
    }
    munmap(page, PAGE);
}

TEST(crash, a_stack_of_random_words_is_harmless)
{
    for (unsigned i = 0; i < 20; i++)
        crash_of(test_rand());
}

TEST(crash, only_a_crash_leaves_a_record)
{
    struct quire_crash crash = {.pc = 1};
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(3);
    EXPECT_EQ(wait_crash(pid, &status, 0, &crash), pid);
    EXPECT_EQ(status, 3 << 8);
    EXPECT_EQ(crash.pc, 0);
    EXPECT_EQ(crash.name[0], 0);
    crash.pc = 1;
    pid = fork();
    if (pid == 0)
        for (;;)
            ;
    EXPECT_EQ(kill(pid, SIGKILL), 0);
    EXPECT_EQ(wait_crash(pid, &status, 0, &crash), pid);
    EXPECT_EQ(crash.pc, 0);
}

TEST(crash, a_call_of_a_null_pointer_is_a_crash)
{
    struct quire_crash crash = {.pc = 1};
    void (*volatile nothing)(void) = NULL;
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        nothing();
        _exit(0);
    }
    EXPECT_EQ(wait_crash(pid, &status, 0, &crash), pid);
    EXPECT_EQ(status, SIGSEGV);
    EXPECT_EQ(crash.pc, 0);
    EXPECT_EQ(strcmp(crash.name, "crash_test"), 0);
}

/* --- the table --------------------------------------------------------------------------------- */
/* This program's own file, copied to the end of some pages, so that an access behind it faults. */
static unsigned char *own_file(size_t *size)
{
    int fd = open("tests/crash_test", O_RDONLY);

    *size = (size_t)lseek(fd, 0, SEEK_END);
    size_t pages = (*size + PAGE - 1) / PAGE * PAGE;
    char *memory = mmap(NULL, pages + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *file = (unsigned char *)memory + pages - *size;
    munmap(memory + pages, PAGE);
    lseek(fd, 0, SEEK_SET);
    EXPECT_EQ(read(fd, file, *size), (long)*size);
    close(fd);
    return file;
}

/* Looks many addresses up; the names must be text that can be read to its end. */
static void look_up(const struct places *places)
{
    struct place place;

    for (uintptr_t at = 0; at < 40; at++)
        if (place_of(places, places->header.base + at * 613, &place))
            (void)(strlen(place.function) + (place.file ? strlen(place.file) : 0));
}

TEST(crash, a_programs_table_knows_its_functions)
{
    struct places places;
    struct place place;
    size_t size;
    unsigned char *file = own_file(&size);

    ASSERT(places_in_program(&places, file, size));
    ASSERT(place_of(&places, (uintptr_t)crash_of, &place));
    EXPECT_EQ(strcmp(place.function, "crash_of"), 0);
    EXPECT_EQ(place.offset, 0);
    EXPECT(place.file && strcmp(place.file, "tests/user/crash_test.c") == 0);
    EXPECT(!place_of(&places, (uintptr_t)&place, &place));
    EXPECT(!place_of(&places, 0, &place));
}

TEST(crash, a_callers_old_return_address_is_no_call)
{
    struct places places;
    struct crash_line lines[CRASH_LINES];
    size_t size;
    unsigned char *file = own_file(&size);
    struct quire_crash crash = {.pc = (uintptr_t)crash_with + 4,
                                .link = (uintptr_t)crash_of + 8,
                                .calls = {(uintptr_t)crash_of + 4, (uintptr_t)own_file + 4, 8}};

    ASSERT(places_in_program(&places, file, size));
    ASSERT_EQ(crash_lines(&crash, &places, lines), 3);
    EXPECT_EQ(lines[1].pc, crash.link);
    EXPECT_EQ(lines[2].pc, crash.calls[1]);
    crash.link = crash.pc + 4; /* after a call of its own */
    ASSERT_EQ(crash_lines(&crash, &places, lines), 3);
    EXPECT_EQ(lines[1].pc, crash.calls[0]);
}

TEST(crash, a_damaged_table_is_harmless)
{
    struct places places;
    size_t size;
    unsigned char *file = own_file(&size);

    ASSERT(places_in_program(&places, file, size));
    size_t table = (size_t)(places.data - file);
    for (size_t at = table; at < table + sizeof(struct places_header); at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            file[at] ^= 1u << bit;
            if (places_in_program(&places, file, size))
                look_up(&places);
            file[at] ^= 1u << bit;
        }
    for (unsigned i = 0; i < 2000; i++) { /* the ELF header, the table, the headers of sections */
        size_t at = i % 3 == 0 ? test_rand() % 64 : table + test_rand() % (size - table);
        unsigned char old = file[at];
        file[at] = (unsigned char)test_rand();
        if (places_in_program(&places, file, size))
            look_up(&places);
        file[at] = old;
    }
}

TEST(crash, a_truncated_file_has_no_table)
{
    struct places places;
    size_t size;
    unsigned char *file = own_file(&size);

    ASSERT(places_in_program(&places, file, size));
    for (size_t cut = 1; cut < 64 * 40 && cut < size; cut = cut * 3 / 2 + 1) {
        memmove(file + cut, file, size - cut); /* it ends at the end of the page again */
        EXPECT(!places_in_program(&places, file + cut, size - cut));
        file = own_file(&size);
    }
}
