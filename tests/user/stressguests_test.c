/* SPDX-License-Identifier: MIT */
/*
 * Guests under many threads and processes at once, with one host thread for each CPU: made, run, shared with, refused,
 * looked at, killed and closed. Work is counted, never timed; the kernel compares frames and objects afterwards.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <quire/loader.h>
#include <quire/test.h>
#include <quire/thread.h>
#include "../../user/guest/enemy.h"

#define ORDER 11
#define PAGE 4096ul
#define PLACE 256ul
#define THREADS 4

static unsigned long next_random(unsigned long *state)
{
    *state = *state * 6364136223846793005ul + 1442695040888963407ul; /* Knuth, MMIX */
    return *state >> 33;
}

/* Make a guest and give it its task. Negative: the error of the call that failed. */
static long make(int task, long number)
{
    struct quire_guest_exit e;
    long guest = guest_load(ORDER, "guest/enemy");

    if (guest < 0)
        return guest;
    long err = quire_call(guest_run, guest, &e);
    err = err ? err : quire_call(guest_answer, guest, task);
    err = err ? err : quire_call(guest_run, guest, &e);
    err = err ? err : quire_call(guest_answer, guest, number);
    if (err)
        quire_call(close, guest);
    return err ? err : guest;
}

/* --- one guest, many threads ----------------------------------------------------------------------- */
static struct {
    long guest;
    volatile int wrong, ended;
} shared;

static void one_step(unsigned long *random)
{
    struct quire_guest_exit e;
    struct quire_guest_info i;
    char byte;

    memset(&e, 0xee, sizeof(e));
    long r = quire_call(guest_run, shared.guest, &e);
    if (r == 0 && e.kind > QUIRE_GUEST_PREEMPTED)
        shared.wrong = 1; /* this thread got the exit of another thread's call */
    if (r == 0 && e.kind == QUIRE_GUEST_FAULT)
        shared.wrong = 2;
    shared.ended |= r == -ESRCH;
    if (r != 0 && r != -EBUSY && r != -ESRCH)
        shared.wrong = 3;
    switch (next_random(random) % 8) {
    case 0:
        quire_call(guest_share, shared.guest, 0);
        break;
    case 1:
        quire_call(guest_map, shared.guest, PLACE, 2);
        break;
    case 2:
        r = quire_call(guest_peek, shared.guest, PLACE * PAGE, &byte, 1);
        if (r != 1 && r != -EACCES)
            shared.wrong = 4;
        break;
    case 3:
        if (quire_call(guest_info, shared.guest, &i) || i.folio_words + i.hole_words != i.folio_frames)
            shared.wrong = 5;
        break;
    case 4:
        quire_call(guest_answer, shared.guest, next_random(random));
        break;
    default:
        quire_call(guest_share, shared.guest, 1);
    }
}

static void step_until_it_ends(void *arg)
{
    unsigned long random = (unsigned long)arg;

    while (!shared.ended)
        one_step(&random);
}

TEST(stressguests, one_guest_between_many_threads)
{
    static struct thread t[THREADS];
    struct quire_guest_info i;

    shared.guest = make(ENEMY_FOR_EVER, 300);
    ASSERT(shared.guest >= 0);
    for (long k = 0; k < THREADS; k++)
        ASSERT_EQ(thread_start(&t[k], step_until_it_ends, (void *)(k + 1)), 0);
    for (long k = 0; k < THREADS; k++)
        thread_join(&t[k]);
    EXPECT_EQ(shared.wrong, 0);
    ASSERT_EQ(quire_call(guest_info, shared.guest, &i), 0);
    EXPECT_EQ(i.shared_frames, i.hole_words);
    EXPECT_EQ(i.direct_absent, i.secure_frames);
    quire_call(close, shared.guest);
}

/* --- made at once ---------------------------------------------------------------------------------- */
static volatile int made_wrong;

static void make_some(void *unused)
{
    (void)unused;
    for (int k = 0; k < 4; k++) {
        struct quire_guest_info i;
        long guest = guest_load(ORDER, "guest/enemy");
        if (guest < 0 || quire_call(guest_info, guest, &i) || i.secure_frames != i.folio_frames)
            made_wrong = (int)guest ? (int)guest : 1;
        if (guest >= 0)
            quire_call(close, guest);
    }
}

TEST(stressguests, guests_made_at_once_are_each_whole)
{
    static struct thread t[THREADS];

    for (long k = 0; k < THREADS; k++)
        ASSERT_EQ(thread_start(&t[k], make_some, NULL), 0);
    for (long k = 0; k < THREADS; k++)
        thread_join(&t[k]);
    EXPECT_EQ(made_wrong, 0);
}

/* --- killed ---------------------------------------------------------------------------------------- */
/* A host of one guest, for ever; two threads of it. */
static volatile long victims_guest;

static void run_for_ever(void *unused)
{
    struct quire_guest_exit e;

    (void)unused;
    for (;;) {
        quire_call(guest_run, victims_guest, &e);
        quire_call(guest_share, victims_guest, 1);
        quire_call(guest_map, victims_guest, PLACE, 2);
    }
}

static void victim(int task, volatile int *goes_on)
{
    static struct thread t;

    victims_guest = make(task, 0);
    if (victims_guest < 0)
        _exit(1);
    if (thread_start(&t, run_for_ever, NULL))
        _exit(2);
    *goes_on = 1;
    run_for_ever(NULL);
}

TEST(stressguests, processes_are_killed_with_their_threads_inside_guests)
{
    for (int k = 0; k < 8; k++) {
        int status;
        volatile int *goes_on = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ASSERT(goes_on != MAP_FAILED);
        pid_t pid = fork();
        if (pid == 0)
            victim(k % 2 ? ENEMY_FOR_EVER : ENEMY_COMPUTES, goes_on);
        while (!*goes_on && k % 4 != 3) /* every fourth is killed at once, perhaps while it makes the guest */
            usleep(1000);
        usleep(k * 700);
        EXPECT_EQ(kill(pid, SIGKILL), 0);
        EXPECT_EQ(waitpid(pid, &status, 0), pid);
        EXPECT(WIFSIGNALED(status));
        munmap((void *)goes_on, PAGE);
    }
}

/* --- handed on ------------------------------------------------------------------------------------- */
/* Four processes run, answer and close what their parent made, until it has ended. */
TEST(stressguests, one_guest_between_many_processes)
{
    int status, children = 0;
    long guest = make(ENEMY_FOR_EVER, 200);

    ASSERT(guest >= 0);
    for (; children < 4; children++) {
        if (fork() == 0) {
            struct quire_guest_exit e;
            long r;
            while ((r = quire_call(guest_run, guest, &e)) != -ESRCH) {
                if (r != 0 && r != -EBUSY)
                    _exit(1);
                quire_call(guest_share, guest, 1);
                quire_call(guest_map, guest, PLACE, 2);
            }
            _exit(0); /* with pages that it still maps */
        }
    }
    quire_call(close, guest);
    for (; children; children--) {
        ASSERT(wait(&status) > 0);
        EXPECT_EQ(status, 0);
    }
}
