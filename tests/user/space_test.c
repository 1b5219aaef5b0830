/* SPDX-License-Identifier: MIT */
/* Memory objects without a mapping; and mapping into an address space that a handle names: the own one, another's. */
#include "child.h"
#include <pthread.h>
#include <sched.h>
#include <quire/message.h>

#define RW   (PROT_READ | PROT_WRITE)
#define HERE 0x700000000ul /* a place that nothing else uses */

#define LOAD(x)         __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, value) __atomic_store_n(&(x), value, __ATOMIC_RELEASE)

static int new_object(unsigned long bytes)
{
    int m = (int)quire_call(memory_create, bytes);
    ASSERT(m >= 0);
    return m;
}

static int with_rights(int handle, unsigned rights)
{
    int h = (int)quire_call(handle_duplicate, handle, rights, 0);
    ASSERT(h >= 0);
    return h;
}

/* Maps all of an object at HERE in that address space. */
static long map_into(int space, int memory, unsigned long bytes, unsigned prot)
{
    struct quire_map m = {HERE, bytes, prot, MAP_SHARED | MAP_FIXED, memory, 0};
    return quire_call(space_map, space, &m);
}

/* --- reading and writing -------------------------------------------------------------------------- */
TEST(space, an_object_is_read_and_written_without_a_mapping)
{
    int m = new_object(5 * PAGE);
    char out[300], in[300];

    memset(in, 'x', sizeof(in));
    EXPECT_CALL(300, memory_write, m, 2 * PAGE - 100, in, 300); /* over the end of a page */
    EXPECT_CALL(300, memory_read, m, 2 * PAGE - 200, out, 300);
    EXPECT_EQ(out[99], 0);
    EXPECT_EQ(out[100], 'x');
    EXPECT_EQ(out[299], 'x');
    char *p = mmap(NULL, 5 * PAGE, RW, MAP_SHARED, m, 0);
    ASSERT(p != MAP_FAILED);
    EXPECT_EQ(p[2 * PAGE + 199], 'x');
    EXPECT_EQ(p[2 * PAGE + 200], 0);
    p[4 * PAGE] = 'y';
    EXPECT_CALL(PAGE, memory_read, m, 4 * PAGE, p, PAGE);
    EXPECT_EQ(p[0], 'y');
}

TEST(space, an_object_ends_where_it_ends)
{
    int m = new_object(3 * PAGE - 5); /* three pages: sizes are whole pages */
    char c = 1;

    EXPECT_CALL(1, memory_write, m, 3 * PAGE - 1, &c, 100);
    EXPECT_CALL(0, memory_write, m, 3 * PAGE, &c, 1);
    EXPECT_CALL(0, memory_read, m, 3 * PAGE, &c, 1);
    EXPECT_CALL(0, memory_read, m, 0, &c, 0);
    EXPECT_CALL(-EINVAL, memory_read, m, 3 * PAGE + 1, &c, 1);
    EXPECT_CALL(-EINVAL, memory_write, m, -1l, &c, 1);
    EXPECT_CALL(-EFAULT, memory_read, m, 0, 0, 1);
    EXPECT_CALL(-EFAULT, memory_read, m, 0, &c, -1l);
    char *p = map_pages(2 * PAGE, RW);
    munmap(p + PAGE, PAGE);
    EXPECT_CALL((long)PAGE, memory_read, m, 0, p, 2 * PAGE); /* what was possible */
    EXPECT_CALL(-EFAULT, memory_read, m, 0, p + PAGE, PAGE);
}

TEST(space, reading_what_nobody_wrote_takes_no_memory)
{
    int m = new_object(64 * MIB);
    char *p = map_pages(PAGE, RW);
    long folios;

    memset(p, 1, PAGE);
    folios = quire_call(counter, COUNTER_FOLIO_ALLOC);
    for (unsigned long at = 0; at < 64 * MIB; at += MIB)
        ASSERT_EQ(quire_call(memory_read, m, at, p, PAGE), PAGE);
    EXPECT_EQ(quire_call(counter, COUNTER_FOLIO_ALLOC), folios);
    EXPECT_EQ(p[0] | p[PAGE - 1], 0);
}

TEST(space, rights_say_what_may_be_done_with_an_object)
{
    int m = new_object(PAGE), reads = with_rights(m, RIGHT_READ | RIGHT_MAP), writes = with_rights(m, RIGHT_WRITE),
        maps = with_rights(m, RIGHT_MAP);
    char c = 3;

    EXPECT_CALL(-EACCES, memory_write, reads, 0, &c, 1);
    EXPECT_CALL(-EACCES, memory_read, writes, 0, &c, 1);
    EXPECT_CALL(-EACCES, memory_resize, writes, 2 * PAGE);
    EXPECT_CALL(-EACCES, memory_clone, writes, 0, PAGE);
    EXPECT_CALL(-EACCES, mmap, 0, PAGE, PROT_READ, MAP_SHARED, maps, 0); /* what is mapped can be read */
    EXPECT_CALL(-EACCES, mmap, 0, PAGE, PROT_READ, MAP_SHARED, writes, 0);
    EXPECT_CALL(-EACCES, mmap, 0, PAGE, RW, MAP_SHARED, reads, 0);
    EXPECT_EQ(map_into(-1, reads, PAGE, RW), -EACCES);
    EXPECT_EQ(map_into(-1, reads, PAGE, PROT_READ), (long)HERE);
    EXPECT_CALL(-EACCES, mprotect, HERE, PAGE, RW);
    EXPECT_CALL(-EACCES, space_protect, -1, HERE, PAGE, RW);
    EXPECT_CALL(0, space_protect, -1, HERE, PAGE, PROT_READ);
    char *p = mmap(NULL, PAGE, RW, MAP_PRIVATE, reads, 0); /* a copy is the program's own */
    ASSERT(p != MAP_FAILED);
    p[0] = 1;
    EXPECT_CALL(-EBADF, memory_read, 0, 0, &c, 1);
    EXPECT_CALL(-EBADF, memory_write, -1, 0, &c, 1);
    EXPECT_CALL(-EBADF, memory_resize, 4000, 0);
    EXPECT_CALL(-EBADF, memory_clone, 0, 0, PAGE);
}

/* --- size ------------------------------------------------------------------------------------------- */
TEST(space, shrinking_unmaps_everywhere_and_growing_gives_zeros)
{
    int m = new_object(40 * PAGE);
    char *a = mmap(NULL, 40 * PAGE, RW, MAP_SHARED, m, 0), *b = mmap(NULL, 40 * PAGE, PROT_READ, MAP_PRIVATE, m, 0);

    ASSERT(a != MAP_FAILED && b != MAP_FAILED);
    memset(a, 7, 40 * PAGE);
    EXPECT_EQ(b[39 * PAGE], 7);
    EXPECT_CALL(0, memory_resize, m, 21 * PAGE - 100); /* in the middle of 64 KiB */
    EXPECT_EQ(a[21 * PAGE - 1], 7);
    EXPECT_DIES(SIGBUS, (void)((volatile char *)a)[21 * PAGE]);
    EXPECT_DIES(SIGBUS, (void)((volatile char *)b)[21 * PAGE]);
    EXPECT_DIES(SIGBUS, (void)((volatile char *)a)[39 * PAGE]);
    test_checkpoint("an object that has become smaller");
    EXPECT_CALL(0, memory_resize, m, 40 * PAGE);
    for (unsigned long page = 0; page < 40; page++) {
        EXPECT_EQ(a[page * PAGE + 5], page < 21 ? 7 : 0);
        EXPECT_EQ(b[page * PAGE + 5], page < 21 ? 7 : 0);
    }
    a[30 * PAGE] = 1;
    EXPECT_EQ(b[30 * PAGE], 1);
}

TEST(space, shrinking_reaches_other_processes)
{
    int m = new_object(20 * PAGE);
    int *go = (int *)map_shared(PAGE);
    volatile char *p = mmap(NULL, 20 * PAGE, RW, MAP_SHARED, m, 0);

    p[0] = p[17 * PAGE] = 1;
    pid_t child = fork();
    if (!child) {
        STORE(*go, p[17 * PAGE]);
        for (;;)
            if (!p[17 * PAGE])
                _exit(1); /* zeros: a frame of somebody else, or of nobody */
    }
    while (!LOAD(*go))
        sched_yield();
    EXPECT_CALL(0, memory_resize, m, 16 * PAGE);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(WTERMSIG(status), SIGBUS);
    EXPECT_EQ(p[0], 1);
}

TEST(space, a_private_copy_survives_the_end_of_its_object)
{
    int m = new_object(4 * PAGE);
    volatile char *p = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, m, 0);

    p[3 * PAGE] = 9;
    (void)p[2 * PAGE];
    EXPECT_CALL(0, memory_resize, m, 0);
    EXPECT_EQ(p[3 * PAGE], 9);
    EXPECT_DIES(SIGBUS, (void)p[2 * PAGE]);
    EXPECT_CALL(-EINVAL, mmap, 0, PAGE, PROT_READ, MAP_SHARED, m, 0); /* it has no page */
    EXPECT_CALL(-EINVAL, memory_resize, m, -1l);
    EXPECT_CALL(-EINVAL, memory_resize, m, 1l << 50);
    EXPECT_CALL(0, memory_resize, m, PAGE);
    EXPECT_EQ(p[0], 0);
}

/* What an object gives back is there for others, and its account has it again. */
TEST(space, shrinking_gives_frames_back)
{
    static struct quire_memory before, after;
    int m = new_object(256 * PAGE);
    char *p = mmap(NULL, 256 * PAGE, RW, MAP_SHARED, m, 0);

    memset(p, 1, 256 * PAGE);
    quire_call(memory_info, &before);
    EXPECT_CALL(0, memory_resize, m, 16 * PAGE);
    quire_call(memory_info, &after);
    EXPECT_EQ(after.type[2], before.type[2] - 240); /* frames of folios */
}

/* --- copies ------------------------------------------------------------------------------------------ */
TEST(space, a_clone_is_a_copy_of_its_own)
{
    int m = new_object(40 * PAGE);
    char c;

    for (unsigned long page = 0; page < 40; page += 3) {
        c = (char)(page + 1);
        ASSERT_EQ(quire_call(memory_write, m, page * PAGE + page, &c, 1), 1);
    }
    int copy = (int)quire_call(memory_clone, m, 3 * PAGE, 20 * PAGE);
    ASSERT(copy >= 0);
    c = 99;
    EXPECT_CALL(1, memory_write, m, 3 * PAGE + 3, &c, 1);
    for (unsigned long page = 3; page < 23; page++) {
        EXPECT_CALL(1, memory_read, copy, (page - 3) * PAGE + page, &c, 1);
        EXPECT_EQ(c, page % 3 ? 0 : (char)(page + 1));
    }
    EXPECT_CALL(0, memory_read, copy, 20 * PAGE, &c, 1);
    EXPECT_EQ(close(m), 0);
    EXPECT_CALL(1, memory_read, copy, 3, &c, 1);
    EXPECT_EQ(c, 4);
    EXPECT_CALL(-EINVAL, memory_clone, copy, 1, PAGE);
    EXPECT_CALL(-EINVAL, memory_clone, copy, 0, 21 * PAGE);
    EXPECT_CALL(-EINVAL, memory_clone, copy, 20 * PAGE, PAGE);
    EXPECT_CALL(-EINVAL, memory_clone, copy, 0, 0);
    EXPECT_CALL(-EINVAL, memory_clone, copy, PAGE, -1l);
}

/* --- address spaces by handle ------------------------------------------------------------------------ */
TEST(space, minus_one_is_the_own_address_space)
{
    int m = new_object(4 * PAGE);
    struct quire_map anywhere = {0, 4 * PAGE, RW, MAP_SHARED, m, 0}, wrong = anywhere;
    char *p = (char *)quire_call(space_map, -1, &anywhere);

    ASSERT((long)p > 0);
    p[0] = 1;
    EXPECT_EQ(map_into(-1, m, 4 * PAGE, RW), (long)HERE);
    EXPECT_EQ(*(char *)HERE, 1);
    EXPECT_CALL(0, space_protect, -1, HERE, 4 * PAGE, PROT_READ);
    EXPECT_DIES(SIGSEGV, *(volatile char *)HERE = 1);
    EXPECT_CALL(0, space_unmap, -1, HERE, 4 * PAGE);
    EXPECT_DIES(SIGSEGV, (void)*(volatile char *)HERE);
    wrong.flags = MAP_SHARED | 0x80000000u;
    EXPECT_CALL(-EINVAL, space_map, -1, &wrong);
    wrong = (struct quire_map){0, 4 * PAGE, RW, MAP_SHARED, m + 1, 0};
    EXPECT_CALL(-EBADF, space_map, -1, &wrong);
    wrong.memory = -2;
    EXPECT_CALL(-EBADF, space_map, -1, &wrong);
    wrong = (struct quire_map){0, 4 * PAGE, PROT_WRITE | PROT_EXEC, MAP_SHARED, m, 0};
    EXPECT_CALL(-EACCES, space_map, -1, &wrong);
    EXPECT_CALL(-EFAULT, space_map, -1, 0);
    EXPECT_CALL(-EINVAL, space_unmap, -1, HERE + 1, PAGE);
    EXPECT_CALL(-EINVAL, space_protect, -1, HERE, PAGE, 1l << 32);
}

struct talk {
    int step, answer;
};

/* A child that reads at HERE when it is told to, and says what it has found. */
static _Noreturn void read_when_told(struct talk *t)
{
    for (int step = 1;; step++) {
        while (LOAD(t->step) < step)
            sched_yield();
        STORE(t->answer, *(volatile char *)HERE + 1000 * step);
    }
}

static int ask(struct talk *t)
{
    int step = t->step + 1;

    STORE(t->step, step);
    while (LOAD(t->answer) / 1000 != step)
        sched_yield();
    return t->answer % 1000;
}

static long forked(struct talk *t)
{
    long child = process_fork();

    if (child == QUIRE_IN_CHILD)
        read_when_told(t);
    ASSERT(child >= 0);
    return child;
}

TEST(space, memory_is_mapped_into_a_running_process_and_taken_away)
{
    struct talk *t = (struct talk *)map_shared(PAGE);
    int m = new_object(4 * PAGE), other = new_object(4 * PAGE), status = 0;
    char c = 5;
    long child = forked(t);

    EXPECT_CALL(1, memory_write, m, 0, &c, 1);
    c = 6;
    EXPECT_CALL(1, memory_write, other, 0, &c, 1);
    EXPECT_EQ(map_into((int)child, m, 4 * PAGE, RW), (long)HERE);
    EXPECT_EQ(ask(t), 5);
    EXPECT_EQ(map_into((int)child, other, 4 * PAGE, RW), (long)HERE); /* in its place, at once */
    EXPECT_EQ(ask(t), 6);
    EXPECT_CALL(0, space_protect, child, HERE, PAGE, PROT_NONE);
    EXPECT_CALL(0, space_protect, child, HERE, PAGE, PROT_READ);
    EXPECT_EQ(ask(t), 6);
    EXPECT_CALL(0, space_unmap, child, HERE, 4 * PAGE);
    STORE(t->step, t->step + 1);
    status = end_of(child);
    EXPECT_EQ(WTERMSIG(status), SIGSEGV);
}

TEST(space, a_handle_to_a_process_needs_the_right_to_map)
{
    struct talk *t = (struct talk *)map_shared(PAGE);
    int m = new_object(PAGE);
    long child = forked(t), weak = with_rights((int)child, RIGHT_KILL);

    EXPECT_EQ(map_into((int)weak, m, PAGE, RW), -EACCES);
    EXPECT_CALL(-EACCES, space_unmap, weak, HERE, PAGE);
    EXPECT_CALL(-EACCES, space_protect, weak, HERE, PAGE, PROT_READ);
    EXPECT_EQ(map_into(m, m, PAGE, RW), -EBADF);
    EXPECT_EQ(map_into(-2, m, PAGE, RW), -EBADF);
    EXPECT_CALL(-EBADF, space_unmap, 0, HERE, PAGE);
    quire_call(kill, child);
    while (map_into((int)child, m, PAGE, RW) == (long)HERE) /* it takes its time to end */
        sched_yield();
    EXPECT_EQ(map_into((int)child, m, PAGE, RW), -ESRCH);
    EXPECT_CALL(-ESRCH, space_unmap, child, HERE, PAGE);
    end_of(child);
}

/*
 * The account of the address space pays for what is kept there: tables, areas, private pages; the caller's for the
 * object.
 */
TEST(space, what_is_mapped_stays_when_its_handles_are_closed)
{
    struct talk *t = (struct talk *)map_shared(PAGE);
    int m = new_object(PAGE);
    char c = 8;
    long child = forked(t);

    EXPECT_CALL(1, memory_write, m, 0, &c, 1);
    EXPECT_EQ(map_into((int)child, m, PAGE, RW), (long)HERE);
    EXPECT_EQ(close(m), 0);
    EXPECT_EQ(ask(t), 8);
    quire_call(kill, child);
    end_of(child);
}
