/* SPDX-License-Identifier: MIT */
/*
 * Address spaces under load: processes map, protect and unmap in each other while they run and end, objects change
 * their size, pagers end in the middle.
 */
#include "child.h"
#include <pthread.h>
#include <stdbool.h>
#include <sched.h>
#include <quire/message.h>

#define RW      (PROT_READ | PROT_WRITE)
#define PLAYERS 4
#define ROUNDS  60
#define PLACES  8
#define PLACE(i) (0x700000000ul + (i) * 4 * MIB)
#define PAGES   40ul

#define LOAD(x)   __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define ADD(x, n) __atomic_add_fetch(&(x), n, __ATOMIC_RELAXED)

static unsigned next(unsigned *seed) { return (*seed = *seed * 1103515245 + 12345) >> 16; }

static long *steps; /* that all players have made */
static int object[2], space[PLAYERS + 1];

/* One change in a random player's address space, or in the own one. Only errors that are possible come back. */
static void change(unsigned *seed, int players)
{
    int who = next(seed) % 4 ? space[next(seed) % (unsigned)players] : -1;
    unsigned long at = PLACE(next(seed) % PLACES) + next(seed) % 4 * PAGE;
    unsigned flags = MAP_SHARED | MAP_FIXED | (next(seed) % 2 ? QUIRE_MAP_NOW : 0);
    struct quire_map m = {at, PAGES * PAGE, next(seed) % 2 ? RW : PROT_READ, flags, object[next(seed) % 2], 0};
    long result = 0;

    switch (next(seed) % 6) {
    case 0:
    case 1:
        result = quire_call(space_map, who, &m);
        break;
    case 2:
        result = quire_call(space_unmap, who, at, (1 + next(seed) % PAGES) * PAGE);
        break;
    case 3:
        result = quire_call(space_protect, who, at, PAGE * (1 + next(seed) % 3), next(seed) % 2 ? PROT_READ : RW);
        break;
    case 4:
        result = quire_call(memory_resize, object[next(seed) % 2], PAGE * (1 + next(seed) % PAGES));
        break;
    case 5: {
        char text[64] = {1};
        result = quire_call(memory_write, object[next(seed) % 2], PAGE * (next(seed) % PAGES), text, sizeof(text));
        break;
    }
    }
    if (result < 0 && result != -ESRCH && result != -ENOMEM && result != -EINVAL && result != -EBADF &&
        result != -EINTR)
        _exit(1);
    ADD(*steps, 1);
}

/* Reads what others map here; whatever it is, an access either works or ends this process by SIGSEGV or SIGBUS. */
static void *look(void *seed_)
{
    unsigned seed = (unsigned)(long)seed_;
    long sum = 0;

    for (;;)
        sum += *(volatile char *)(PLACE(next(&seed) % PLACES) + next(&seed) % PAGES * PAGE);
    return (void *)sum;
}

static void play(int players, unsigned seed, bool looks)
{
    pthread_t t;

    if (looks)
        pthread_create(&t, NULL, look, (void *)(long)seed);
    for (;;)
        change(&seed, players);
}

/* Player i has handles to those before it, so they change each other's memory, and this process's. */
static void start(int i, bool looks)
{
    unsigned seed = (unsigned)test_rand();
    long child = process_fork();

    if (child == QUIRE_IN_CHILD)
        play(PLAYERS, seed, looks);
    ASSERT(child >= 0);
    space[i] = (int)child;
}

static int status_of(int i)
{
    int status = 0;

    quire_call(kill, space[i]);
    status = end_of(space[i]);
    return status;
}

TEST(stressspace, processes_map_into_each_other_while_they_end)
{
    steps = (long *)map_shared(PAGE);
    for (int i = 0; i < 2; i++)
        object[i] = (int)quire_call(memory_create, PAGES * PAGE);
    for (int i = 0; i < PLAYERS; i++)
        space[i] = -2; /* no handle yet */
    for (int i = 0; i < PLAYERS; i++)
        start(i, i % 2);
    for (int round = 0; round < ROUNDS; round++) {
        long before = LOAD(*steps);
        for (int naps = 0; LOAD(*steps) < before + 200 && naps < 20; naps++) /* all players may have ended */
            quire_call(sleep, 100000);
        int victim = (int)(test_rand() % PLAYERS), signal = WTERMSIG(status_of(victim));
        EXPECT(signal == SIGKILL || signal == SIGSEGV || signal == SIGBUS);
        start(victim, test_rand() % 2);
    }
    for (int i = 0; i < PLAYERS; i++)
        status_of(i);
}

/* Everybody maps and unmaps the same object in one address space, where other threads use it. */
static volatile int stop;

static void *map_and_unmap(void *seed_)
{
    unsigned seed = (unsigned)(long)seed_ + 1;

    while (!stop) {
        unsigned long at = PLACE(next(&seed) % 4);
        struct quire_map m = {at, PAGES * PAGE, RW, MAP_SHARED | MAP_FIXED | QUIRE_MAP_NOW, object[0], 0};
        if (quire_call(space_map, -1, &m) != (long)at)
            return "not mapped";
        if (quire_call(space_unmap, -1, at, PAGES * PAGE))
            return "not unmapped";
    }
    return NULL;
}

static void *resize_often(void *seed_)
{
    unsigned seed = (unsigned)(long)seed_ + 9;

    for (int i = 0; i < 300; i++)
        if (quire_call(memory_resize, object[0], (1 + next(&seed) % PAGES) * PAGE))
            return "not resized";
    stop = 1;
    return NULL;
}

TEST(stressspace, an_object_changes_its_size_while_it_is_mapped)
{
    pthread_t t[4];
    void *wrong;

    object[0] = (int)quire_call(memory_create, PAGES * PAGE);
    for (int i = 0; i < 3; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, map_and_unmap, (void *)(long)i), 0);
    ASSERT_EQ(pthread_create(&t[3], NULL, resize_often, (void *)(long)test_rand()), 0);
    for (int i = 0; i < 4; i++) {
        EXPECT_EQ(pthread_join(t[i], &wrong), 0);
        EXPECT(!wrong);
    }
    char c = 1;
    EXPECT_CALL(0, memory_resize, object[0], PAGES * PAGE);
    for (unsigned long i = 0; i < PAGES; i++) {
        EXPECT_CALL(1, memory_read, object[0], i * PAGE, &c, 1);
        EXPECT_EQ(c, 0);
    }
}

/* --- pagers ------------------------------------------------------------------------------------------ */
static int endpoint, paged, source;

static void serve(unsigned seed)
{
    struct message m = {.info = 0};
    long got = message_receive(endpoint, &m);

    while (got == QUIRE_GOT_CALL) {
        unsigned long offset = m.word[1];
        ADD(*steps, 1);
        m = (struct message){.info = 0};
        switch (next(&seed) % 8) {
        case 0:
            m.word[0] = 1; /* refused */
            break;
        case 1:
            break; /* a lie */
        case 2:
            quire_call(memory_resize, paged, PAGES * PAGE); /* the same size */
            quire_call(memory_supply, paged, 0, source, 0, PAGES * PAGE);
            break;
        default:
            quire_call(memory_supply, paged, offset, source, offset, PAGE);
        }
        got = message_reply_receive(endpoint, &m);
    }
    _exit(3);
}

static void use_pages(unsigned seed)
{
    volatile char *p = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, paged, 0);

    for (;;) {
        unsigned long page = next(&seed) % PAGES;
        if (p[page * PAGE] != (char)(page + 1))
            _exit(1);
        if (next(&seed) % 16 == 0) {
            quire_call(memory_resize, paged, page * PAGE + PAGE);
            quire_call(memory_resize, paged, PAGES * PAGE);
        }
    }
}

static long start_paging(int i, unsigned seed)
{
    long child = process_fork();

    if (child == QUIRE_IN_CHILD) {
        if (i == 0)
            serve(seed);
        use_pages(seed);
    }
    ASSERT(child >= 0);
    return child;
}

TEST(stressspace, pagers_and_their_users_end_at_any_moment)
{
    long child[1 + PLAYERS];

    steps = (long *)map_shared(PAGE);
    endpoint = (int)quire_call(endpoint_create);
    paged = (int)quire_call(memory_pager, endpoint, PAGES * PAGE, 0);
    source = (int)quire_call(memory_create, PAGES * PAGE);
    for (unsigned long i = 0; i < PAGES; i++) {
        char c = (char)(i + 1);
        ASSERT_EQ(quire_call(memory_write, source, i * PAGE, &c, 1), 1);
    }
    for (int i = 0; i < 1 + PLAYERS; i++)
        child[i] = start_paging(i, (unsigned)test_rand());
    for (int round = 0; round < ROUNDS; round++) {
        long before = LOAD(*steps);
        for (int naps = 0; LOAD(*steps) < before + 20 && naps < 20; naps++)
            quire_call(sleep, 100000);
        int victim = (int)(test_rand() % (1 + PLAYERS)), status = 0;
        quire_call(kill, child[victim]);
        status = end_of(child[victim]);
        EXPECT(WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGBUS);
        child[victim] = start_paging(victim, (unsigned)test_rand());
    }
    for (int i = 0; i < 1 + PLAYERS; i++) {
        quire_call(kill, child[i]);
        end_of(child[i]);
    }
}
