/* SPDX-License-Identifier: MIT */
/* Protected guests as a host process sees them: sharing, refusing, secrets, ends of every kind. */
#include "child.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <quire/files.h>
#include <quire/loader.h>
#include <quire/test.h>
#include <uapi/quire/ipc.h>

#define ORDER 11 /* 8 MiB: programs of every machine fit */
#define PAGE 4096ul
#define SHARED 256ul

static struct quire_guest_exit run(int guest)
{
    struct quire_guest_exit e;
    ASSERT_EQ(quire_call(guest_run, guest, &e), 0);
    return e;
}

/* A guest that has been told its task and runs until it next leaves. */
static struct quire_guest_exit start(int *guest, int task)
{
    long handle = guest_load(ORDER, "guest/tester");

    ASSERT(handle >= 0);
    *guest = (int)handle;
    ASSERT_EQ(run(*guest).kind, QUIRE_GUEST_YIELD);
    (void)task;
    ASSERT_EQ(quire_call(guest_answer, *guest, task), 0);
    return run(*guest);
}

static struct quire_guest_info info(int guest)
{
    struct quire_guest_info i;
    ASSERT_EQ(quire_call(guest_info, guest, &i), 0);
    return i;
}

TEST(guest, shares_four_pages_and_takes_them_back)
{
    int guest;
    struct quire_guest_exit e = start(&guest, 1);

    ASSERT_EQ(e.kind, QUIRE_GUEST_SHARE);
    EXPECT_EQ(e.page, SHARED);
    EXPECT_EQ(e.nr, 4);
    EXPECT_EQ(quire_call(guest_share, guest, 1), 0);
    struct quire_guest_info i = info(guest);
    EXPECT_EQ(i.hole_words, 4);
    EXPECT_EQ(i.folio_words, (1 << ORDER) - 4);
    EXPECT_EQ(i.refs, 1);
    EXPECT_EQ(i.direct_absent, i.folio_words);
    ASSERT_EQ(run(guest).kind, QUIRE_GUEST_YIELD);
    long address = quire_call(guest_map, guest, SHARED, 4);
    ASSERT(address > 0);
    EXPECT_EQ(strcmp((char *)address, "from the guest"), 0);
    strcpy((char *)address, "from the host");
    EXPECT_EQ(info(guest).hole_refs, 5);
    ASSERT_EQ(run(guest).kind, QUIRE_GUEST_UNSHARE);
    EXPECT_EQ(quire_call(guest_share, guest, 1), 0);
    i = info(guest);
    EXPECT_EQ(i.hole_words, 0);
    EXPECT_EQ(i.holes, 0);
    EXPECT_EQ(i.direct_absent, 1 << ORDER);
    e = run(guest);
    EXPECT_EQ(e.kind, QUIRE_GUEST_EXIT);
    EXPECT_EQ(e.value, 0);
    close(guest);
}

/* Pages are maintained whenever they pass between host and guest, in both directions; nothing else is maintained. */
TEST(guest, shared_pages_are_cleaned_to_memory_on_both_ways_and_nothing_else)
{
    int guest;
    start(&guest, 1);
    /* All of the guest's memory passed to the guest; or the machine's caches are always coherent, and nothing was
     * maintained. */
    uint64_t made = test_count(COUNTER_DCACHE_BYTES), pages = made ? 4 * PAGE : 0;
    EXPECT(made == 0 || made == PAGE << ORDER);
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    EXPECT_EQ(test_count(COUNTER_DCACHE_BYTES) - made, pages);
    ASSERT_EQ(run(guest).kind, QUIRE_GUEST_YIELD);
    ASSERT_EQ(run(guest).kind, QUIRE_GUEST_UNSHARE);
    EXPECT_EQ(test_count(COUNTER_DCACHE_BYTES) - made, pages);
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    EXPECT_EQ(test_count(COUNTER_DCACHE_BYTES) - made, 2 * pages);
    close(guest);
}

/* Start a guest that shares its four pages; returns the address where this process has them mapped. */
static long start_shared(int *guest)
{
    start(guest, 1);
    ASSERT_EQ(quire_call(guest_share, *guest, 1), 0);
    run(*guest);
    long address = quire_call(guest_map, *guest, SHARED, 4);
    ASSERT(address > 0);
    EXPECT_EQ(strcmp((char *)address, "from the guest"), 0);
    return address;
}

/* The kernel can't read a name at this address. (A child would prove nothing, because it never has the mapping.) */
#define EXPECT_NOTHING_AT(address) EXPECT_EQ(quire_call(process_create, address), -EFAULT)

TEST(guest, a_mapping_of_shared_pages_dies_when_they_are_taken_back)
{
    int guest;
    long address = start_shared(&guest);

    strcpy((char *)address, "from the host");
    run(guest);
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    EXPECT_NOTHING_AT(address);
    close(guest);
}

TEST(guest, a_mapping_of_shared_pages_dies_with_the_guest)
{
    int guest;
    long address = start_shared(&guest);

    close(guest);
    EXPECT_NOTHING_AT(address);
}

TEST(guest, its_secrets_are_refused)
{
    int guest;
    char byte = 7;
    start(&guest, 1);
    EXPECT_EQ(quire_call(guest_peek, guest, 0, &byte, 1), -EACCES);
    EXPECT_EQ(quire_call(guest_peek, guest, SHARED * PAGE, &byte, 1), -EACCES);
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    EXPECT_EQ(quire_call(guest_peek, guest, SHARED * PAGE, &byte, 1), 1);
    EXPECT_EQ(quire_call(guest_peek, guest, (SHARED + 4) * PAGE - 1, &byte, 1), 1);
    EXPECT_EQ(quire_call(guest_peek, guest, (SHARED + 4) * PAGE, &byte, 1), -EACCES);
    EXPECT_EQ(quire_call(guest_peek, guest, (SHARED - 1) * PAGE, &byte, 1), -EACCES);
    EXPECT_EQ(quire_call(guest_map, guest, SHARED + 4, 1), -EACCES);
    EXPECT_EQ(quire_call(guest_map, guest, 0, 1), -EACCES);
    close(guest);
}

TEST(guest, a_refused_share_leaves_everything_secret)
{
    int guest;
    start(&guest, 1);
    EXPECT_EQ(quire_call(guest_share, guest, 0), 0);
    EXPECT_EQ(info(guest).hole_words, 0);
    EXPECT_EQ(info(guest).secure_frames, 1 << ORDER);
    struct quire_guest_exit e = run(guest);
    EXPECT_EQ(e.kind, QUIRE_GUEST_EXIT);
    EXPECT_EQ((long)e.value, -EPERM);
    close(guest);
}

TEST(guest, bad_requests_get_the_exact_error)
{
    int guest;
    struct quire_guest_exit e = start(&guest, 2);
    EXPECT_EQ(e.kind, QUIRE_GUEST_EXIT);
    EXPECT_EQ(e.value, 0);
    close(guest);
}

TEST(guest, memory_that_it_has_not_ends_the_guest_not_the_host)
{
    int guest;
    struct quire_guest_exit e = start(&guest, 3);
    EXPECT_EQ(e.kind, QUIRE_GUEST_FAULT);
    EXPECT_EQ(e.page, (1ul << ORDER) + 10);
    EXPECT_EQ(quire_call(guest_run, guest, &e), -ESRCH);
    close(guest);
}

TEST(guest, its_text_is_not_writable)
{
    int guest;
    EXPECT_EQ(start(&guest, 4).kind, QUIRE_GUEST_FAULT);
    close(guest);
}

TEST(guest, floating_point_registers_belong_to_each_side)
{
    int guest, rounds = 0;
    volatile double mine = 3.0;
    struct quire_guest_exit e = start(&guest, 5);
    for (; e.kind == QUIRE_GUEST_YIELD; e = run(guest), rounds++)
        mine *= 1.0625;
    EXPECT_EQ(e.kind, QUIRE_GUEST_EXIT);
    EXPECT_EQ(e.value, 0);
    EXPECT_EQ(rounds, 50);
    EXPECT(mine > 62.1 && mine < 62.3);
    close(guest);
}

TEST(guest, a_guest_that_computes_for_ever_dies_with_its_process)
{
    pid_t pid = fork();
    if (pid == 0) {
        int guest;
        start(&guest, 6);
        _exit(0);
    }
    usleep(30000);
    EXPECT_EQ(kill(pid, 9), 0);
    int status;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT(WIFSIGNALED(status));
}

TEST(guest, two_pieces_shared_and_all_taken_back)
{
    int guest;
    struct quire_guest_exit e = start(&guest, 7);
    ASSERT_EQ(e.kind, QUIRE_GUEST_SHARE);
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    ASSERT_EQ(run(guest).kind, QUIRE_GUEST_SHARE);
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    EXPECT_EQ(info(guest).holes, 2);
    EXPECT_EQ(info(guest).hole_words, 4);
    test_checkpoint("a guest with two holes");
    EXPECT_EQ(run(guest).kind, QUIRE_GUEST_UNSHARE);
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    EXPECT_EQ(info(guest).holes, 1);
    test_checkpoint("one of them is secret again");
    close(guest);
}

TEST(guest, unshare_waits_while_somebody_else_maps_the_pages)
{
    int guest, status;
    start(&guest, 1);
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    run(guest);
    ASSERT(quire_call(guest_map, guest, SHARED, 4) > 0);
    EXPECT_EQ(quire_call(guest_map, guest, SHARED, 4), -EBUSY); /* it is mapped already */
    test_checkpoint("a guest's pages are mapped by its host");
    pid_t pid = fork(); /* the child has no mapping: shared pages stay with the process that mapped them */
    if (pid == 0)
        _exit(quire_call(guest_map, guest, SHARED, 4) == -EBUSY ? 0 : 1);
    waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run(guest).kind, QUIRE_GUEST_UNSHARE);
    EXPECT_EQ(quire_call(guest_share, guest, 1), 0);
    close(guest);
}

TEST(guest, creation_checks_its_arguments)
{
    struct listed_file f;
    long size = quire_call(memory_size, QUIRE_ARCHIVE);

    EXPECT_EQ(guest_load(8, "guest/tester"), -EINVAL);
    EXPECT_EQ(guest_load(19, "guest/tester"), -EINVAL);
    EXPECT_EQ(guest_load(-1ul, "guest/tester"), -EINVAL);
    EXPECT_EQ(guest_load(ORDER, "guest/nobody"), -ENOENT);
    EXPECT_EQ(guest_load(ORDER, "motd"), -ENOEXEC);
    EXPECT_EQ(guest_load(18, "guest/tester"), -ENOMEM);
    ASSERT_EQ(find_file("guest/tester", &f), 0);
    EXPECT_EQ(quire_call(guest_create, ORDER, 0, f.offset, f.size), -EBADF);
    EXPECT_EQ(quire_call(guest_create, ORDER, QUIRE_ARCHIVE, f.offset, size - f.offset + 1), -EINVAL);
    EXPECT_EQ(quire_call(guest_create, ORDER, QUIRE_ARCHIVE, f.offset, ~0ul), -EINVAL);
    EXPECT_EQ(quire_call(guest_create, ORDER, QUIRE_ARCHIVE, ~0ul, 0), -EINVAL);
    EXPECT_EQ(quire_call(guest_create, ORDER, QUIRE_ARCHIVE, size, 0), -ENOEXEC);
    EXPECT_EQ(quire_call(guest_create, ORDER, QUIRE_ARCHIVE, f.offset + 4, f.size), -ENOEXEC);
}

/* A program's own memory will do, from any place on, and a handle that only reads. */
TEST(guest, a_program_may_lie_in_any_memory)
{
    struct listed_file f;
    ASSERT_EQ(find_file("guest/tester", &f), 0);
    char *text = malloc(f.size);
    ASSERT_EQ(quire_call(memory_read, QUIRE_ARCHIVE, f.offset, text, f.size), (long)f.size);
    int m = (int)quire_call(memory_create, f.size + 2 * PAGE);
    ASSERT_EQ(quire_call(memory_write, m, 100, text, f.size), (long)f.size);
    int reads = (int)quire_call(handle_duplicate, m, RIGHT_READ, 0);
    int maps = (int)quire_call(handle_duplicate, m, RIGHT_MAP, 0);

    EXPECT_EQ(quire_call(guest_create, ORDER, maps, 100, f.size), -EACCES);
    int guest = (int)quire_call(guest_create, ORDER, reads, 100, f.size);
    ASSERT(guest >= 0);
    quire_call(memory_resize, m, 0); /* the guest has a copy */
    EXPECT_EQ(run(guest).kind, QUIRE_GUEST_YIELD);
    close(guest);
    ASSERT_EQ(quire_call(memory_resize, m, f.size + PAGE), 0);
    EXPECT_EQ(quire_call(guest_create, ORDER, m, 100, f.size), -ENOEXEC); /* zeros now */
    free(text);
}

TEST(guest, calls_in_the_wrong_state_are_refused)
{
    int guest;
    struct quire_guest_exit e;
    EXPECT_EQ(start(&guest, 1).kind, QUIRE_GUEST_SHARE);
    EXPECT_EQ(quire_call(guest_run, guest, &e), -EBUSY); /* it waits for an answer */
    EXPECT_EQ(quire_call(guest_map, guest, SHARED, 4), -EACCES);
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    EXPECT_EQ(quire_call(guest_share, guest, 1), -EINVAL); /* answered already */
    EXPECT_EQ(quire_call(guest_peek, guest, 5ul << 30, &e, 1), -EINVAL);
    EXPECT_EQ(quire_call(guest_peek, guest, SHARED * PAGE, 8, 1), -EFAULT);
    EXPECT_EQ(quire_call(guest_info, guest, 8), -EFAULT);
    EXPECT_EQ(quire_call(guest_run, 1, &e), -EBADF);
    close(guest);
}

/*
 * The address space of the process ends while it still maps the guest's pages, behind any number of tables: the
 * process's child keeps the guest's handle for longer.
 */
TEST(guest, its_pages_are_shown_by_a_process_that_ends)
{
    volatile int *end = (volatile int *)map_shared(PAGE);

    for (unsigned long k = 0; k < 9; k++) {
        pid_t child = fork();
        ASSERT(child >= 0);
        if (child == 0) {
            int guest;
            start_shared(&guest);
            for (unsigned long i = 0; i < k; i++) {
                char *at = mmap((void *)((1ul << 30) + (i << 21)), PAGE, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
                *at = 1;
            }
            if (fork() == 0)
                while (!end[k])
                    sched_yield();
            _exit(0);
        }
        EXPECT_EQ(waitpid(child, NULL, 0), child);
        end[k] = 1;
    }
}
