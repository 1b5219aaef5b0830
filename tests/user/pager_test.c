/* SPDX-License-Identifier: MIT */
/*
 * Memory whose pages a program supplies: a pager that works, is slow, refuses, lies, ends; and what never waits for it.
 */
#include "child.h"
#include <pthread.h>
#include <sched.h>
#include <quire/message.h>

#define RW    (PROT_READ | PROT_WRITE)
#define PAGES 20ul
#define BADGE 77 /* of the handle that the kernel calls by */
#define WORD  12345

#define LOAD(x)         __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, value) __atomic_store_n(&(x), value, __ATOMIC_RELEASE)
#define ADD(x, n)       __atomic_add_fetch(&(x), n, __ATOMIC_RELAXED)

enum what { SUPPLY, WRITE, BLOCK, SLOW, REFUSE, LIE_ONCE, LIE, NO_ANSWER, STOP };

static struct shared {
    int what, misses, wrong;
} * shared;
static int endpoint, memory, source;

/* What page `page` of the source shows. */
static char contents(unsigned long page) { return (char)(page + 40); }

/* Does what it is told to for each miss. Returns after STOP. */
static void page(void)
{
    struct message m = {.info = 0};
    char text[PAGE];

    for (long got = message_receive(endpoint, &m); got == QUIRE_GOT_CALL; got = message_reply_receive(endpoint, &m)) {
        unsigned long offset = m.word[1];
        int what = LOAD(shared->what), miss = ADD(shared->misses, m.word[0] == QUIRE_PAGER_MISS);
        if (what == STOP)
            break;
        if (m.badge != BADGE || m.word[0] != QUIRE_PAGER_MISS || m.word[3] != WORD || offset % PAGE || !m.word[2])
            ADD(shared->wrong, 1);
        m = (struct message){.info = 0};
        switch (what) {
        case SLOW:
            quire_call(sleep, 3000000);
            quire_call(memory_supply, memory, offset, source, offset, PAGE);
            break;
        case SUPPLY:
            quire_call(memory_supply, memory, offset, source, offset, PAGE);
            break;
        case BLOCK:
            quire_call(memory_supply, memory, 0, source, 0, PAGES * PAGE);
            break;
        case WRITE:
            memset(text, contents(offset / PAGE), PAGE);
            quire_call(memory_write, memory, offset, text, PAGE);
            break;
        case REFUSE:
            m.word[0] = 5;
            break;
        case LIE_ONCE:
            if (miss > 1)
                quire_call(memory_supply, memory, offset, source, offset, PAGE);
            break;
        case NO_ANSWER:
            quire_call(sleep, 1000000000);
            break;
        case LIE:
            break;
        }
    }
}

static pid_t pager;

/* A pager in a process of its own, and an object whose pages it supplies. */
static volatile char *begin(int what)
{
    char text[PAGE];

    shared = (struct shared *)map_shared(PAGE);
    shared->what = what;
    endpoint = (int)quire_call(endpoint_create);
    int calls = (int)quire_call(handle_duplicate, endpoint, RIGHT_CALL, BADGE);
    source = (int)quire_call(memory_create, PAGES * PAGE);
    for (unsigned long i = 0; i < PAGES; i++) {
        memset(text, contents(i), PAGE);
        ASSERT_EQ(quire_call(memory_write, source, i * PAGE, text, PAGE), PAGE);
    }
    memory = (int)quire_call(memory_pager, calls, PAGES * PAGE, WORD);
    ASSERT(memory >= 0);
    close(calls);
    pager = fork();
    if (!pager) {
        page();
        _exit(0);
    }
    int only_calls = (int)quire_call(handle_duplicate, endpoint, RIGHT_CALL, 0);
    close(endpoint); /* the pager alone can receive: its end closes the endpoint */
    endpoint = only_calls;
    char *p = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, memory, 0);
    ASSERT(p != MAP_FAILED);
    return p;
}

static void end(void)
{
    STORE(shared->what, STOP);
    message_call(endpoint, &(struct message){.info = 0});
    EXPECT_EQ(waitpid(pager, NULL, 0), pager);
    EXPECT_EQ(shared->wrong, 0);
}

TEST(pager, it_supplies_each_page_that_is_missed)
{
    volatile char *p = begin(SUPPLY);

    for (unsigned long i = 0; i < PAGES; i += 2)
        EXPECT_EQ(p[i * PAGE + 17], contents(i));
    EXPECT_EQ(shared->misses, 10);
    p[0] = 1; /* what is there is missed no more */
    EXPECT_EQ(p[0], 1);
    EXPECT_EQ(p[1], contents(0));
    EXPECT_EQ(shared->misses, 10);
    test_checkpoint("an object with a pager");
    p[3 * PAGE] = 2; /* a write is a miss, too */
    EXPECT_EQ(p[3 * PAGE + 1], contents(3));
    EXPECT_EQ(shared->misses, 11);
    end();
}

TEST(pager, it_may_write_the_pages)
{
    volatile char *p = begin(WRITE);

    for (unsigned long i = 0; i < PAGES; i++)
        EXPECT_EQ(p[i * PAGE + i], contents(i));
    end();
}

TEST(pager, it_may_supply_more_than_it_was_asked_for)
{
    volatile char *p = begin(BLOCK);

    EXPECT_EQ(p[5 * PAGE], contents(5));
    p[6 * PAGE] = 1;
    for (unsigned long i = 7; i < PAGES; i++)
        EXPECT_EQ(p[i * PAGE], contents(i));
    EXPECT_EQ(shared->misses, 1);
    EXPECT_CALL((long)(PAGES * PAGE), memory_supply, memory, 0, source, 0, PAGES * PAGE);
    EXPECT_EQ(p[6 * PAGE], 1); /* what is there stays */
    end();
}

TEST(pager, private_copies_and_children_get_its_pages)
{
    volatile char *p = begin(SUPPLY), *q = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE, memory, 0);

    q[PAGE] = 1;
    EXPECT_EQ(q[PAGE + 1], contents(1));
    EXPECT_EQ(p[PAGE], contents(1));
    EXPECT_EQ(IN_CHILD(_exit(p[2 * PAGE] != contents(2) || q[PAGE] != 1 || q[3 * PAGE] != contents(3))), 0);
    EXPECT_EQ(shared->misses, 3);
    EXPECT_EQ(p[3 * PAGE], contents(3));
    EXPECT_EQ(shared->misses, 3);
    end();
}

TEST(pager, a_slow_one_is_waited_for)
{
    volatile char *p = begin(SLOW);
    long start = quire_call(clock);

    EXPECT_EQ(p[4 * PAGE], contents(4));
    EXPECT(quire_call(clock) - start >= 3000000);
    end();
}

static void *read_page(void *p)
{
    return (void *)(long)*(volatile char *)p;
}

/* Each thread that misses a page sends a message of its own, unless the page has come before. */
TEST(pager, two_threads_may_miss_one_page)
{
    volatile char *p = begin(SLOW);
    pthread_t t[2];

    for (int i = 0; i < 2; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, read_page, (void *)(p + 4 * PAGE)), 0);
    for (int i = 0; i < 2; i++) {
        void *seen;
        EXPECT_EQ(pthread_join(t[i], &seen), 0);
        EXPECT_EQ((char)(long)seen, contents(4));
    }
    EXPECT(shared->misses == 1 || shared->misses == 2);
    end();
}

TEST(pager, a_page_that_it_refuses_is_a_bus_error)
{
    volatile char *p = begin(REFUSE);

    EXPECT_DIES(SIGBUS, (void)p[0]);
    EXPECT_DIES(SIGBUS, p[PAGE] = 1);
    STORE(shared->what, SUPPLY);
    EXPECT_EQ(p[0], contents(0)); /* another time it may have the page */
    end();
}

TEST(pager, an_answer_without_a_page_is_followed_by_the_next_call)
{
    volatile char *p = begin(LIE_ONCE);

    EXPECT_EQ(p[0], contents(0));
    EXPECT_EQ(shared->misses, 2);
    end();
}

TEST(pager, whoever_waits_for_a_liar_can_be_killed)
{
    volatile char *p = begin(LIE);
    pid_t child = fork();

    if (!child)
        _exit(p[0]);
    while (LOAD(shared->misses) < 10)
        sched_yield();
    expect_killed(child);
    end();
}

TEST(pager, whoever_waits_for_an_answer_can_be_killed)
{
    volatile char *p = begin(NO_ANSWER);
    pid_t child = fork();

    if (!child)
        _exit(p[0]);
    while (LOAD(shared->misses) < 1)
        sched_yield();
    expect_killed(child);
    expect_killed(pager);
}

TEST(pager, its_end_is_a_bus_error)
{
    volatile char *p = begin(NO_ANSWER);
    pid_t child = fork();
    int status = 0;

    if (!child)
        _exit(p[0]);
    while (LOAD(shared->misses) < 1)
        sched_yield();
    expect_killed(pager);
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(WTERMSIG(status), SIGBUS);
    EXPECT_DIES(SIGBUS, (void)p[1]); /* nobody receives any more */
    char c = 3;
    EXPECT_CALL(1, memory_write, memory, 0, &c, 1); /* but whoever may write can supply */
    EXPECT_EQ(p[0], 3);
    EXPECT_EQ(p[1], 0);
}

/* Only user mode waits for a pager: the kernel's copies don't. */
TEST(pager, the_kernel_does_not_wait_for_it)
{
    char *p = (char *)begin(SUPPLY);
    char c;
    int file = QUIRE_ARCHIVE, m = (int)quire_call(memory_create, PAGE);

    EXPECT_CALL(-EFAULT, memory_read, file, 0, p, 1);
    EXPECT_CALL(-EFAULT, memory_write, m, 0, p, 1);
    EXPECT_CALL(-EFAULT, memory_read, m, 0, p, 1);
    EXPECT_CALL(-EAGAIN, memory_read, memory, 0, &c, 1);
    EXPECT_CALL(-EAGAIN, memory_clone, memory, 0, 2 * PAGE);
    EXPECT_CALL(-EAGAIN, madvise, p, PAGE, MADV_POPULATE_READ);
    EXPECT_EQ(shared->misses, 0);
    EXPECT_EQ(p[0], contents(0));
    EXPECT_CALL(1, memory_read, file, 0, p, 1);
    EXPECT_CALL(1, memory_write, m, 0, p, 1);
    EXPECT_CALL(1, memory_read, memory, 1, &c, 1);
    EXPECT_EQ(c, contents(0));
    int copy = (int)quire_call(memory_clone, memory, 0, PAGE);
    EXPECT_CALL(1, memory_read, copy, 2, &c, 1);
    EXPECT_EQ(c, contents(0));
    end();
}

TEST(pager, windows_do_not_wait_for_it)
{
    char *p = (char *)begin(SUPPLY);
    int e = (int)quire_call(endpoint_create);
    pid_t server = fork();

    if (!server) {
        struct message m = {.info = 0};
        char c = 1;
        message_receive(e, &m);
        m = (struct message){.word = {(unsigned long)quire_call(window_read, -1, 0, &c, 1),
                                      (unsigned long)quire_call(window_write, -1, 0, &c, 1)}};
        message_reply(-1, &m);
        _exit(0);
    }
    struct quire_extra extra = {
        .window = (unsigned long)p, .window_bytes = PAGE, .window_rights = RIGHT_READ | RIGHT_WRITE};
    struct message m = {.info = QUIRE_INFO_WINDOW, .extra = &extra};
    EXPECT_EQ(message_call(e, &m), 0);
    EXPECT_EQ((long)m.word[0], -EFAULT);
    EXPECT_EQ((long)m.word[1], -EFAULT);
    EXPECT_EQ(waitpid(server, NULL, 0), server);
    end();
}

TEST(pager, what_is_cut_off_is_missed_again)
{
    volatile char *p = begin(SUPPLY);

    p[9 * PAGE] = 1;
    EXPECT_CALL(0, memory_resize, memory, 9 * PAGE);
    EXPECT_DIES(SIGBUS, (void)p[9 * PAGE]);
    EXPECT_EQ(shared->misses, 1);
    EXPECT_CALL(0, memory_resize, memory, PAGES * PAGE);
    EXPECT_EQ(p[9 * PAGE], contents(9));
    EXPECT_EQ(shared->misses, 2);
    end();
}

/* A miss uses the registers of a message: the program finds its own again. */
TEST(pager, a_miss_leaves_the_registers_alone)
{
    volatile char *p = begin(SLOW);
    volatile double d = 1.5;
    long a = test_rand() & 1023, b = a * 3, c = b * 5, x = c * 7, y = x + a, z = y + b;
    double f = d * 3, g = f + d, sum = 0;

    for (unsigned long i = 0; i < 8; i++) {
        long seen = p[i * PAGE];
        sum += f + g;
        EXPECT_EQ(seen + a + b + c + x + y + z, contents(i) + a + b + c + x + y + z);
        EXPECT_EQ(z, ((a * 3 * 5 * 7) + a) + a * 3);
    }
    EXPECT(sum == 8 * (4.5 + 6.0));
    end();
}

TEST(pager, arguments_are_checked)
{
    int e = (int)quire_call(endpoint_create), receives = (int)quire_call(handle_duplicate, e, RIGHT_RECEIVE, 0),
        m = (int)quire_call(memory_create, 4 * PAGE), reads = (int)quire_call(handle_duplicate, m, RIGHT_READ, 0),
        writes = (int)quire_call(handle_duplicate, m, RIGHT_WRITE, 0);

    EXPECT_CALL(-EBADF, memory_pager, 0, PAGE, 0);
    EXPECT_CALL(-EBADF, memory_pager, -1, PAGE, 0);
    EXPECT_CALL(-EACCES, memory_pager, receives, PAGE, 0);
    EXPECT_CALL(-EINVAL, memory_pager, e, 0, 0);
    EXPECT_CALL(-EINVAL, memory_pager, e, -1l, 0);
    EXPECT_CALL(-EBADF, memory_supply, m, 0, 0, 0, PAGE);
    EXPECT_CALL(-EBADF, memory_supply, e, 0, m, 0, PAGE);
    EXPECT_CALL(-EACCES, memory_supply, reads, 0, m, 0, PAGE);
    EXPECT_CALL(-EACCES, memory_supply, m, 0, writes, 0, PAGE);
    EXPECT_CALL(-EINVAL, memory_supply, m, 1, m, 0, PAGE);
    EXPECT_CALL(-EINVAL, memory_supply, m, 0, m, 1, PAGE);
    EXPECT_CALL(-EINVAL, memory_supply, m, 0, m, 0, PAGE + 1);
    EXPECT_CALL(-EINVAL, memory_supply, m, 0, m, PAGE, 4 * PAGE);
    EXPECT_CALL(-EINVAL, memory_supply, m, PAGE, m, 0, 4 * PAGE);
    EXPECT_CALL(-EINVAL, memory_supply, m, -PAGE, m, 0, PAGE);
    EXPECT_CALL(0, memory_supply, m, 4 * PAGE, m, 0, 0);
    EXPECT_CALL((long)PAGE, memory_supply, writes, 0, reads, 0, PAGE);
}
