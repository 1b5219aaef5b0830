/* SPDX-License-Identifier: MIT */
/*
 * Malicious guests and host processes: user/guest/enemy.c tries every call with every bad argument, and every access to
 * memory that isn't its own. This process gives false answers wherever it may answer.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <quire/files.h>
#include <quire/guest_text.h>
#include <quire/loader.h>
#include <quire/test.h>
#include <quire/thread.h>
#include "../../user/guest/enemy.h"

#define ORDER 11 /* 8 MiB: programs of every machine fit */
#define PAGE 4096ul
#define PLACE 256ul
#define UNTOUCHED (200 * 4096) /* far into this process's memory, in pages that aren't touched yet */

static char *mine; /* memory of this process, at addresses where the guest has none */

static struct quire_guest_exit run(int guest)
{
    struct quire_guest_exit e = {0};
    ASSERT_EQ(quire_call(guest_run, guest, &e), 0);
    return e;
}

/* Make a guest, give it its task and the task's number; returns its next exit. */
static struct quire_guest_exit start(int *guest, int task, long number)
{
    long handle = guest_load(ORDER, "guest/enemy");

    ASSERT(handle >= 0);
    *guest = (int)handle;
    ASSERT_EQ(run(*guest).kind, QUIRE_GUEST_YIELD);
    ASSERT_EQ(quire_call(guest_answer, *guest, task), 0);
    ASSERT_EQ(run(*guest).kind, QUIRE_GUEST_YIELD);
    ASSERT_EQ(quire_call(guest_answer, *guest, number), 0);
    return run(*guest);
}

static void map_mine(void)
{
    mine = mmap(NULL, 256 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(mine != MAP_FAILED);
    memset(mine, 'h', 8 * PAGE); /* the rest isn't touched yet */
}

static void expect_mine_untouched(void)
{
    for (unsigned long i = 0; i < 8 * PAGE; i++)
        ASSERT_EQ(mine[i], 'h');
}

static struct quire_guest_info info(int guest)
{
    struct quire_guest_info i;
    ASSERT_EQ(quire_call(guest_info, guest, &i), 0);
    return i;
}

/* --- the guest ----------------------------------------------------------------------------------- */
static void every_bad_argument(char *address)
{
    int guest, printed = 0;
    struct quire_guest_exit e = start(&guest, ENEMY_BAD_CALLS, (long)address);

    for (; e.kind != QUIRE_GUEST_EXIT && e.kind != QUIRE_GUEST_FAULT; e = run(guest)) {
        if (e.kind == QUIRE_GUEST_CONSOLE) {
            printed++;
            EXPECT_EQ(strcmp(e.text, "over the edge of a page"), 0);
            EXPECT_EQ(quire_call(guest_answer, guest, ENEMY_PRINTED), 0);
        } else {
            EXPECT_EQ(quire_call(guest_share, guest, 1), 0);
        }
    }
    EXPECT_EQ(e.kind, QUIRE_GUEST_EXIT);
    EXPECT_EQ(e.value, 0);
    EXPECT_EQ(printed, 1);
    expect_mine_untouched();
    close(guest);
}

TEST(evilguest, every_call_with_every_bad_argument)
{
    map_mine();
    every_bad_argument(mine + PAGE - 8);
}

/* An address for which a fault of the host process would bring in a page. */
TEST(evilguest, addresses_of_memory_that_the_host_has_not_touched_yet)
{
    map_mine();
    struct quire_walk walk;
    every_bad_argument(mine + UNTOUCHED);
    ASSERT_EQ(quire_call(walk_info, 0, mine + UNTOUCHED, &walk), 0);
    EXPECT_EQ(walk.end, QUIRE_WALK_EMPTY); /* nothing was brought in for the guest */
}

TEST(evilguest, accesses_outside_its_memory_end_the_guest_and_nothing_else)
{
    static const struct {
        int task;
        long offset;
    } tries[] = {{ENEMY_READS, 0}, {ENEMY_WRITES, 0}, {ENEMY_JUMPS, 0}, {ENEMY_READS, UNTOUCHED}, {ENEMY_WRITES, UNTOUCHED},
                 {ENEMY_WRITES_TEXT, 0}, {ENEMY_RUNS_DATA, 0}, {ENEMY_TRAPS, 0}};
    map_mine();
    for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        int guest;
        struct quire_guest_exit e = start(&guest, tries[i].task, (long)mine + tries[i].offset);
        EXPECT_EQ(e.kind, QUIRE_GUEST_FAULT);
        EXPECT(strncmp(e.text, "the guest ", 10) == 0);
        EXPECT_EQ(quire_call(guest_run, guest, &e), -ESRCH);
        expect_mine_untouched();
        close(guest);
    }
}

TEST(evilguest, kernel_addresses_end_it_too)
{
    static const unsigned long addresses[] = {~0ul, ~0ul - 4095, 1ul << 63, 0xffffffe000000000, 0xffffff8040000000,
                                              0xffffffc080000000, 0xffffffff80200000, 0xffff888000000000, 0x3c000000000};
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        int guest;
        EXPECT_EQ(start(&guest, ENEMY_WRITES, (long)addresses[i]).kind, QUIRE_GUEST_FAULT);
        close(guest);
    }
}

/* --- the host ------------------------------------------------------------------------------------ */
static bool host_reads(int guest, const char *mapped)
{
    char peeked[32] = "";
    return (mapped && strcmp(mapped, ENEMY_SECRET) == 0) ||
           (quire_call(guest_peek, guest, PLACE * PAGE, peeked, sizeof(peeked)) > 0 && strcmp(peeked, ENEMY_SECRET) == 0);
}

/* The host takes the pages, and says that it refuses. */
TEST(evilguest, a_host_that_says_refused_after_it_took_the_pages_reads_no_secret)
{
    int guest;
    ASSERT_EQ(start(&guest, ENEMY_KEEPS_SECRETS, 0).kind, QUIRE_GUEST_SHARE);
    EXPECT_EQ(quire_call(guest_answer, guest, -EPERM), -EINVAL); /* not before */
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    EXPECT_EQ(quire_call(guest_answer, guest, -EPERM), -EINVAL); /* nor after */
    EXPECT_EQ(quire_call(guest_share, guest, 0), -EINVAL);
    long address = quire_call(guest_map, guest, PLACE, 1);
    ASSERT(address > 0);
    struct quire_guest_exit e = run(guest);
    EXPECT_EQ(e.kind, QUIRE_GUEST_YIELD);
    EXPECT_EQ(e.value, 1); /* the guest got the true answer */
    EXPECT(!host_reads(guest, (char *)address));
    close(guest);
}

/* The host keeps the pages, and says that they are the guest's again. */
TEST(evilguest, a_host_that_says_done_after_it_kept_the_pages_reads_no_secret)
{
    int guest;
    ASSERT_EQ(start(&guest, ENEMY_KEEPS_SECRETS, 0).kind, QUIRE_GUEST_SHARE);
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    long address = quire_call(guest_map, guest, PLACE, 1);
    ASSERT(address > 0);
    run(guest);
    EXPECT_EQ(run(guest).kind, QUIRE_GUEST_UNSHARE);
    EXPECT_EQ(quire_call(guest_share, guest, 0), 0);
    EXPECT_EQ(quire_call(guest_answer, guest, 0), -EINVAL);
    struct quire_guest_exit e = run(guest);
    EXPECT_EQ(e.kind, QUIRE_GUEST_YIELD);
    EXPECT_EQ((long)e.value, -EPERM);
    EXPECT(!host_reads(guest, (char *)address));
    EXPECT_EQ(info(guest).shared_frames, 1);
    close(guest);
}

TEST(evilguest, an_honest_host_reads_no_secret_either)
{
    int guest;
    ASSERT_EQ(start(&guest, ENEMY_KEEPS_SECRETS, 0).kind, QUIRE_GUEST_SHARE);
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    run(guest);
    EXPECT_EQ(run(guest).kind, QUIRE_GUEST_UNSHARE);
    EXPECT_EQ(quire_call(guest_share, guest, 1), 0);
    EXPECT_EQ(run(guest).value, 0); /* "done": the secret is written */
    EXPECT(!host_reads(guest, NULL));
    close(guest);
}

/* Every call of the host, in every state of a guest that the host can see. */
TEST(evilguest, answers_out_of_turn_are_refused)
{
    struct quire_guest_exit e;
    long guest = guest_load(ORDER, "guest/enemy");

    ASSERT(guest >= 0);
    EXPECT_EQ(quire_call(guest_answer, guest, 1), -EINVAL); /* the guest hasn't asked anything yet */
    EXPECT_EQ(quire_call(guest_share, guest, 1), -EINVAL);
    EXPECT_EQ(quire_call(guest_run, guest, 8), -EFAULT); /* no place for the exit: the guest is unchanged */
    EXPECT_EQ(quire_call(guest_run, guest, -8), -EFAULT);
    EXPECT_EQ(run((int)guest).kind, QUIRE_GUEST_YIELD);
    EXPECT_EQ(quire_call(guest_share, guest, 1), -EINVAL);
    EXPECT_EQ(quire_call(guest_answer, guest, ENEMY_TRAPS), 0);
    run((int)guest);
    EXPECT_EQ(run((int)guest).kind, QUIRE_GUEST_FAULT);
    EXPECT_EQ(quire_call(guest_answer, guest, 1), -EINVAL);
    EXPECT_EQ(quire_call(guest_share, guest, 1), -EINVAL);
    EXPECT_EQ(quire_call(guest_run, guest, &e), -ESRCH);
    EXPECT_EQ(quire_call(guest_map, guest, PLACE, 1), -EACCES);
    EXPECT_EQ(quire_call(guest_map, guest, -1, -1), -EACCES);
    close((int)guest);
}

/* --- shares side by side ------------------------------------------------------------------------- */
static void unshare_all(long nr, bool mapped)
{
    int guest, asked = 0, shares = 0;
    struct quire_guest_exit e = start(&guest, ENEMY_SIDE_BY_SIDE, nr);

    for (; e.kind == QUIRE_GUEST_SHARE; e = run(guest)) {
        EXPECT_EQ(quire_call(guest_share, guest, 1), 0);
        shares++;
        if (mapped)
            EXPECT(quire_call(guest_map, guest, e.page, e.nr) > 0);
    }
    EXPECT_EQ(shares, nr);
    EXPECT_EQ(e.kind, QUIRE_GUEST_YIELD);
    EXPECT_EQ(info(guest).holes, nr);
    for (e = run(guest); e.kind == QUIRE_GUEST_UNSHARE; e = run(guest), asked++)
        EXPECT_EQ(quire_call(guest_share, guest, 1), 0);
    EXPECT_EQ(e.kind, QUIRE_GUEST_EXIT);
    EXPECT_EQ(e.value, 0);
    EXPECT_EQ(asked, (nr + 2) / 3); /* every third share has a gap behind it */
    struct quire_guest_info i = info(guest);
    EXPECT_EQ(i.holes, 0);
    EXPECT_EQ(i.secure_frames, i.folio_frames);
    EXPECT_EQ(i.direct_absent, i.folio_frames);
    close(guest);
}

TEST(evilguest, all_is_taken_back_though_shares_lie_side_by_side)
{
    unshare_all(2, false);
    unshare_all(40, true);
}

TEST(evilguest, a_refused_request_for_several_holes_leaves_all_shared)
{
    int guest;
    struct quire_guest_exit e = start(&guest, ENEMY_SIDE_BY_SIDE, 3);

    for (; e.kind == QUIRE_GUEST_SHARE; e = run(guest))
        EXPECT_EQ(quire_call(guest_share, guest, 1), 0);
    ASSERT_EQ(run(guest).kind, QUIRE_GUEST_UNSHARE);
    EXPECT_EQ(quire_call(guest_share, guest, 0), 0);
    EXPECT_EQ(info(guest).shared_frames, 6);
    e = run(guest);
    EXPECT_EQ(e.kind, QUIRE_GUEST_EXIT);
    EXPECT_EQ((long)e.value, -EPERM);
    close(guest);
}

/* --- children, several threads, text ------------------------------------------------------------- */
/* docs/ultravisor.md: a child of fork has the handle, not the mapping. */
TEST(evilguest, a_child_of_fork_has_the_handle_and_not_the_pages)
{
    int guest, status;
    ASSERT_EQ(start(&guest, ENEMY_FOR_EVER, 1).kind, QUIRE_GUEST_SHARE);
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    ASSERT_EQ(run(guest).kind, QUIRE_GUEST_YIELD);
    long address = quire_call(guest_map, guest, PLACE, 2);
    ASSERT(address > 0);
    strcpy((char *)address, "seen by the parent");
    pid_t pid = fork();
    if (pid == 0) {
        char peeked[8] = "";
        if (quire_call(guest_peek, guest, PLACE * PAGE, peeked, 4) != 4 || strcmp(peeked, "seen") != 0)
            _exit(1);
        if (quire_call(guest_map, guest, PLACE, 2) != -EBUSY) /* the parent maps them */
            _exit(2);
        (void)*(volatile char *)address;
        _exit(3);
    }
    waitpid(pid, &status, 0);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == 11);
    EXPECT_EQ(munmap((void *)address, 2 * PAGE), 0);
    EXPECT(quire_call(guest_map, guest, PLACE, 2) > 0); /* unmapped by the parent: now the child may map it */
    close(guest);
}

/* A guest's mapping doesn't keep a dead process's memory: the frames are free again while the guest lives on in the
 * child. */
TEST(evilguest, the_memory_of_a_process_that_showed_pages_goes_with_it)
{
    int guest, status;
    struct quire_memory m0, m1;
    ASSERT_EQ(start(&guest, ENEMY_FOR_EVER, 1).kind, QUIRE_GUEST_SHARE);
    ASSERT_EQ(quire_call(guest_share, guest, 1), 0);
    ASSERT_EQ(quire_call(memory_info, &m0), 0);
    pid_t pid = fork();
    if (pid == 0) {
        long address = quire_call(guest_map, guest, PLACE, 2);
        char *much = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(much, 1, 4 << 20);
        _exit(address > 0 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
    ASSERT_EQ(quire_call(memory_info, &m1), 0);
    EXPECT(m1.free_frames + 512 > m0.free_frames);
    EXPECT(quire_call(guest_map, guest, PLACE, 2) > 0);
    close(guest);
}

static struct {
    int guest;
    unsigned long taken[4][64]; /* values of exits, by thread */
    int nr[4], wrong;
} shared_guest;

static void run_until_it_ends(void *arg)
{
    long id = (long)arg;

    for (;;) {
        struct quire_guest_exit e;
        memset(&e, 0xee, sizeof(e));
        long r = quire_call(guest_run, shared_guest.guest, &e);
        if (r == -ESRCH)
            return;
        if (r == 0 && e.kind != QUIRE_GUEST_YIELD && e.kind != QUIRE_GUEST_EXIT)
            shared_guest.wrong++; /* another thread got it */
        if (r == 0 && e.kind == QUIRE_GUEST_YIELD && shared_guest.nr[id] < 64)
            shared_guest.taken[id][shared_guest.nr[id]++] = e.value;
        if (r != 0)
            quire_call(yield);
    }
}

TEST(evilguest, each_exit_goes_to_the_thread_that_ran_the_guest)
{
    static struct thread t[4];
    int seen[65] = {0};
    struct quire_guest_exit first = start(&shared_guest.guest, ENEMY_COUNTS, 60);

    EXPECT_EQ(first.value, 1);
    for (long i = 0; i < 4; i++)
        ASSERT_EQ(thread_start(&t[i], run_until_it_ends, (void *)i), 0);
    for (int i = 0; i < 4; i++)
        thread_join(&t[i]);
    EXPECT_EQ(shared_guest.wrong, 0);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < shared_guest.nr[i]; k++)
            seen[shared_guest.taken[i][k]]++;
    for (int value = 2; value <= 60; value++)
        EXPECT_EQ(seen[value], 1);
    close(shared_guest.guest);
}

/* A guest's text arrives unchanged, with any bytes; a program that shows it makes one line of it, behind a prefix. */
TEST(evilguest, a_text_comes_whole_and_is_shown_as_one_line)
{
    int guest;
    char line[GUEST_LINE_MAX];
    struct quire_guest_exit e = start(&guest, ENEMY_FORGES, 0);

    EXPECT_EQ(e.kind, QUIRE_GUEST_CONSOLE);
    EXPECT_EQ(strcmp(e.text, "\nok 1 forged\r\n\033[2Jnot ok 2"), 0);
    guest_line(line, e.text);
    EXPECT_EQ(strcmp(line, "?ok 1 forged???[2Jnot ok 2"), 0);
    memset(e.text, 'x', sizeof(e.text)); /* no final zero */
    guest_line(line, e.text);
    EXPECT_EQ(strlen(line), sizeof(e.text) - 1);
    guest_print("the end of a line is left out\n");
    close(guest);
}

/* --- accounts ------------------------------------------------------------------------------------ */
static unsigned long charged(void)
{
    struct quire_process p;
    for (int i = 0; quire_call(process_info, i, &p) == 0; i++)
        if (p.id == (unsigned long)getpid())
            return p.quota_used;
    return 0;
}

TEST(evilguest, what_a_guest_costs_is_charged_to_its_maker_and_comes_back)
{
    struct listed_file file;
    EXPECT_EQ(find_file("guest/enemy", &file), 0); /* the archive's mapping stays */
    unsigned long before = charged();
    int guest;
    struct quire_guest_exit e = start(&guest, ENEMY_SIDE_BY_SIDE, 200);
    unsigned long made = charged();

    EXPECT(made > before + (1ul << ORDER) + 1); /* the folio and tables */
    for (; e.kind == QUIRE_GUEST_SHARE; e = run(guest))
        EXPECT_EQ(quire_call(guest_share, guest, 1), 0);
    EXPECT(charged() > made); /* 200 holes */
    for (e = run(guest); e.kind == QUIRE_GUEST_UNSHARE; e = run(guest))
        EXPECT_EQ(quire_call(guest_share, guest, 1), 0);
    EXPECT_EQ(charged(), made);
    close(guest);
    EXPECT_EQ(charged(), before);
}

TEST(evilguest, a_process_that_is_killed_while_it_makes_a_guest_leaves_nothing)
{
    for (int i = 0; i < 8; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            for (;;) {
                long guest = guest_load(13, "guest/enemy");
                if (guest >= 0)
                    close((int)guest);
            }
        }
        usleep(1000 + 1777 * i);
        EXPECT_EQ(kill(pid, SIGKILL), 0);
        EXPECT_EQ(waitpid(pid, &status, 0), pid);
        EXPECT(WIFSIGNALED(status));
    }
}
