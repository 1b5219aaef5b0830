/* SPDX-License-Identifier: MIT */
/*
 * Makes random system calls: every call of the table, and numbers behind its end. Arguments are right, or wrong, or
 * reach over the end of a page, or belong to others. Players are children of this process, which may die from their
 * calls; they have threads, children, programs and guests that do the same.
 * This process counts the results, kills players that stand still, and compares the machine before and after. One SEED
 * always gives the same calls; with -icount in the same order.
 *
 * A player must not end the machine or the test that runs it, wait where nobody wakes or kills it, or print much. A
 * grandchild may outlive its parent, and then nobody holds a handle to it. So it doesn't read the console, doesn't
 * start programs or threads that may compute for ever, and runs no guest, because a guest may compute for ever too.
 * The only program that players start ends at once.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <quire/call_table.h>
#include <quire/files.h>
#include <quire/loader.h>
#include <quire/message.h>
#include <quire/process.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("CALLS SEED [PLAYERS [test]]",
        "random system calls; status 0 only if the machine is as before");

#define PAGE        4096ul
#define ERRORS      134
#define MAX_PLAYERS 8
#define CHILD_CALLS 100    /* a child makes at most so many */
#define NAP_NS      50000l /* between two looks at the players */
#define PATIENCE    100    /* looks without a new call: the player is killed */
#define LAST_LOOKS  10     /* until all players' children have ended; each look reads every frame's word */
#define THREADS     3
#define FAR_AWAY                                                                                   \
    ((void *)0x2f00000000) /* an address for the score that no result behind the pages reaches \ */
#define STACK_BYTES  8192ul
/* Frames and objects that stay: kernel stacks and tables that the kernel keeps for the next process. */
#define KEPT_FRAMES  512ul
#define KEPT_OBJECTS 96ul

/* What all players write to. */
struct score {
    unsigned long calls, odd, odd_call, odd_result;
    unsigned pairs[QUIRE_NR_SYSCALLS + 1]
                  [ERRORS]; /* call, error number (0: none); the last row: no call of the table */
};

struct player {
    unsigned long random;
    int depth; /* 1: child of this process */
    int threads; /* it has made so many, each on a stack of its own */
    bool console, threaded;
};

static struct score *score;
static char
    *pages; /* 0, 1 written; 2 to read; 3 PROT_NONE; 4 nothing; 5 shared; 6 untouched; 7 nothing */
static char stacks[THREADS][STACK_BYTES] __attribute__((aligned(16)));
static struct player threads[THREADS];
static struct call_line lines[QUIRE_NR_SYSCALLS + 1]; /* the last: no call of the table, so it has no arguments */
static unsigned long guest_program[3]; /* a program for guests: memory, offset, bytes */
static bool may_not_end; /* a test runs, so poweroff must be refused and is tried */

/* xorshift64 (Marsaglia 2003) */
static unsigned long next(struct player *p)
{
    p->random ^= p->random << 13;
    p->random ^= p->random >> 7;
    return p->random ^= p->random << 17;
}
static unsigned long below(struct player *p, unsigned long n) { return next(p) % n; }
static bool one_in(struct player *p, unsigned long n) { return below(p, n) == 0; }

static struct player player_of(unsigned long seed, int depth)
{
    struct player p = {.random = seed * 0x9e3779b97f4a7c15ul + 1, .depth = depth};

    p.random = p.random ? p.random : 1;
    for (int i = 0; i < 8; i++)
        next(&p);
    return p;
}

/* --- arguments ------------------------------------------------------------------------- */

static unsigned long unreadable(struct player *p)
{
    return ~0ul - below(p, 9000);
} /* an address that was mapped meanwhile */

static unsigned long foreign(struct player *p)
{
    switch (below(p, 8)) {
    case 0:
        return 0;
    case 1:
        return unreadable(p);
    case 2:
        return 0xffffffc000000000ul + below(p, 1ul << 30);
    case 3:
        return 0xffff800000000000ul + below(p, 1ul << 30);
    case 4:
        return 0x80000000ul + below(p, 1ul << 30);
    case 5:
        return 1ul << below(p, 64);
    case 6:
        return 0x4000000000ul - below(p, 3) * 8;
    default:
        return 0x7fffffffffff - below(p, 5);
    }
}

/* An address at which no program can have code. */
static unsigned long nowhere(struct player *p)
{
    if (one_in(p, 4))
        return 0;
    return one_in(p, 2) ? unreadable(p) : 0xffff800000000000ul + below(p, 1ul << 30);
}

static unsigned long pointer(struct player *p)
{
    switch (below(p, 8)) {
    case 0:
        return foreign(p);
    case 1:
        return (unsigned long)pages + below(p, 8 * PAGE);
    case 2: /* over the end of one page into the next */
        return (unsigned long)pages + (1 + below(p, 7)) * PAGE - below(p, 160);
    case 3:
        return (unsigned long)pages + below(p, 8) * PAGE;
    case 4:
        return (unsigned long)pointer; /* text */
    default:
        return (unsigned long)pages + below(p, PAGE / 8) * 8;
    }
}

static unsigned long length(struct player *p)
{
    static const unsigned long lengths[] = {0,         1,        7,          PAGE - 1,  PAGE,
                                            PAGE + 1,  2 * PAGE, 16 * PAGE,  1ul << 21, 1ul << 31,
                                            1ul << 40, ~0ul,     ~0ul - 4094};

    return one_in(p, 3) ? PAGE * below(p, 600)
                        : lengths[below(p, sizeof(lengths) / sizeof(lengths[0]))];
}

static unsigned long number(struct player *p)
{
    switch (below(p, 8)) {
    case 0:
        return ~0ul;
    case 1:
        return next(p);
    case 2:
        return (1ul << below(p, 64)) - below(p, 2);
    case 3:
        return below(p, 70);
    case 4:
        return pointer(p);
    case 5:
        return length(p);
    default:
        return below(p, 10); /* most handles are below this */
    }
}

/* --- calls ----------------------------------------------------------------------------- */
static void play(struct player *p, unsigned long calls);

static bool is_message(long nr) { return nr >= QUIRE_SYS_call && nr <= QUIRE_SYS_reply; }

/* The six numbers are the message's words, too. a[1] is its info word, a[2] points to its handles and window. */
static long throw_message(long nr, const unsigned long *a)
{
    struct message m = {.info = a[1], .extra = (struct quire_extra *)a[2]};

    memcpy(m.word, a, sizeof(m.word));
    return message_system_call_(nr, (long)a[0], &m);
}

/* The line of this number, and its place in the score; the last one for a number that no call has. */
static unsigned line_of(long nr)
{
    return (unsigned long)nr < QUIRE_NR_SYSCALLS && lines[nr].name ? (unsigned)nr : QUIRE_NR_SYSCALLS;
}

static long throw(long nr, const unsigned long *a)
{
    unsigned row = line_of(nr);

    __atomic_fetch_add(&score->calls, 1, __ATOMIC_RELAXED);
    long result = is_message(nr) ? throw_message(nr, a)
                                 : __syscall(nr, (long)a[0], (long)a[1], (long)a[2], (long)a[3],
                                             (long)a[4], (long)a[5]);
    if (result < 0 && result > -ERRORS) {
        __atomic_fetch_add(&score->pairs[row][-result], 1, __ATOMIC_RELAXED);
    } else {
        __atomic_fetch_add(&score->pairs[row][0], 1, __ATOMIC_RELAXED);
        if (result < 0) { /* neither a value nor a known error */
            score->odd_call = (unsigned long)nr;
            score->odd_result = (unsigned long)result;
            score->odd++;
        }
    }
    return result;
}

static void thread_main(void *arg)
{
    play(arg, CHILD_CALLS / 2);
    for (;;)
        quire_call(thread_exit);
}

static void set_thread(struct player *p, unsigned long *a)
{
    /* A thread must end by itself: it faults or plays. In this program's text it might compute for ever. */
    if (p->threaded || p->depth > 1 || p->threads == THREADS) {
        a[0] = nowhere(p);
        return;
    }
    if (one_in(p, 4))
        return;
    p->threaded = one_in(p, 3);
    int i = p->threads++;
    threads[i] = player_of(next(p), p->depth);
    threads[i].threaded = true;
    threads[i].console = p->console;
    a[0] = (unsigned long)thread_main;
    a[1] = (unsigned long)stacks[i] + STACK_BYTES - 256;
    a[2] = (unsigned long)&threads[i];
}

static void set_memory(struct player *p, long nr, unsigned long *a)
{
    static const unsigned long flags[] = {MAP_PRIVATE | MAP_ANONYMOUS,
                                          MAP_SHARED | MAP_ANONYMOUS,
                                          MAP_SHARED,
                                          MAP_PRIVATE,
                                          MAP_SHARED | QUIRE_MAP_NOW,
                                          MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS,
                                          MAP_FIXED_NOREPLACE | MAP_PRIVATE | MAP_ANONYMOUS,
                                          MAP_GROWSDOWN | MAP_PRIVATE | MAP_ANONYMOUS};
    static const unsigned long advice[] = {MADV_DONTNEED,
                                           MADV_HUGEPAGE,
                                           MADV_NOHUGEPAGE,
                                           MADV_COLD,
                                           MADV_POPULATE_READ,
                                           MADV_POPULATE_WRITE,
                                           0,
                                           99};

    a[0] = one_in(p, 3) ? number(p) : (unsigned long)pages + PAGE * below(p, 8);
    a[1] = one_in(p, 3) ? length(p) : PAGE * (1 + below(p, 8));
    a[2] = one_in(p, 8) ? number(p) : below(p, 8);
    if (nr == QUIRE_SYS_madvise) /* not here, because broken frames stay broken */
        a[2] = advice[below(p, sizeof(advice) / sizeof(advice[0]))];
    if (nr == QUIRE_SYS_mmap) {
        a[0] = one_in(p, 2) ? 0 : a[0];
        a[3] = one_in(p, 8) ? number(p) : flags[below(p, sizeof(flags) / sizeof(flags[0]))];
        a[4] = one_in(p, 3) ? ~0ul : below(p, 8);
        a[5] = one_in(p, 2) ? 0 : length(p);
    }
    if (nr != QUIRE_SYS_mmap && a[1] > 1ul << 24 && !one_in(p, 8))
        a[1] = 1; /* rarely everything */
}

/* What space_map gets. */
static unsigned long map_or_not(struct player *p)
{
    static struct quire_map maps[8]; /* of all threads: they change each other's */
    unsigned long a[6];

    if (one_in(p, 8))
        return pointer(p);
    set_memory(p, QUIRE_SYS_mmap, a);
    struct quire_map *m = &maps[below(p, 8)];
    *m = (struct quire_map){a[0], a[1], (unsigned)a[2], (unsigned)a[3], (long)(a[4] == ~0ul ? a[4] : number(p)), a[5]};
    return (unsigned long)m;
}

/* An info word. A grandchild waits for a short time only: nobody would kill it. */
static unsigned long info_word(struct player *p)
{
    unsigned long us = p->depth > 1 || !one_in(p, 8) ? 1 + below(p, 300) : 0;
    unsigned long what = one_in(p, 4) ? below(p, QUIRE_MESSAGE_HANDLES + 1) | (next(p) & QUIRE_INFO_WINDOW) : 0;

    return us << 8 | (one_in(p, 16) ? below(p, 256) : what);
}

/* What a message brings along: mostly right handles and windows. */
static struct quire_extra *extra_or_not(struct player *p)
{
    if (one_in(p, 4))
        return (struct quire_extra *)pointer(p);
    static struct quire_extra extras[8]; /* of all threads: they change each other's */
    struct quire_extra *x = &extras[below(p, 8)];
    for (int i = 0; i < QUIRE_MESSAGE_HANDLES; i++) {
        x->handle[i] = (int)number(p);
        x->rights[i] = one_in(p, 4) ? (unsigned)next(p) & 255 : 0;
    }
    x->window = pointer(p);
    x->window_bytes = one_in(p, 3) ? length(p) : below(p, 3 * PAGE);
    x->window_rights = one_in(p, 8) ? next(p) : 1 + below(p, 3);
    return x;
}

/* How a process may start: mostly right. */
static struct quire_start *start_or_not(struct player *p)
{
    static struct quire_start starts[4]; /* of all threads */
    struct quire_start *s = &starts[below(p, 4)];

    if (one_in(p, 8))
        return (struct quire_start *)pointer(p);
    *s = (struct quire_start){.entry = one_in(p, 2) ? 0 : nowhere(p), .stack = pointer(p) & ~15ul};
    if (one_in(p, 2))
        s->nr_same = (uint32_t)number(p);
    else
        s->nr_given = (uint32_t)below(p, QUIRE_START_HANDLES + 2);
    for (int i = 0; i < QUIRE_START_HANDLES; i++) {
        s->handle[i] = (int)number(p);
        s->rights[i] = one_in(p, 4) ? (uint32_t)next(p) & 511 : 0;
    }
    return s;
}

/* So nobody waits for a pager or a fault handler: a grandchild would do so for ever. */
static unsigned long endpoint_without_server(void)
{
    long e = quire_call(endpoint_create), calls = quire_call(handle_duplicate, e, RIGHT_CALL);

    quire_call(close, e);
    return (unsigned long)calls;
}

/* False: this player must not make this call. */
static bool set_process(struct player *p, long nr, unsigned long *a)
{
    switch (nr) {
    case QUIRE_SYS_exit:
    case QUIRE_SYS_thread_exit:
        return one_in(p, 40);
    case QUIRE_SYS_poweroff:
        return may_not_end;
    case QUIRE_SYS_memory_info: /* slow: looks at every frame */
        return one_in(p, 64);
    case QUIRE_SYS_sleep:
        a[0] = below(p, 50000);
        return true;
    case QUIRE_SYS_process_clone:
        return !p->console && p->depth == 1 && one_in(p, 4);
    case QUIRE_SYS_thread_create:
        set_thread(p, a);
        return true;
    case QUIRE_SYS_test_run:
        a[0] = unreadable(p);
        return true;
    }
    return true;
}

/* What fits the type that the table gives the argument; mostly. */
static unsigned long of_type(struct player *p, enum call_argument type)
{
    switch (type) {
    case ARGUMENT_HANDLE_OR_NONE:
        return one_in(p, 2) ? ~0ul : number(p);
    case ARGUMENT_ADDRESS:
        return one_in(p, 3) ? number(p) : (unsigned long)pages + PAGE * below(p, 8);
    case ARGUMENT_SIZE:
        return one_in(p, 2) ? length(p) : below(p, 5 * PAGE);
    case ARGUMENT_FLAGS:
        return one_in(p, 8) ? number(p) : below(p, 8);
    case ARGUMENT_INFO:
        return info_word(p);
    case ARGUMENT_TEXT:
        return one_in(p, 3) ? pointer(p) : (unsigned long)"made by the fuzzer";
    case ARGUMENT_POINTER:
        return pointer(p);
    case ARGUMENT_HANDLE:
    case ARGUMENT_NUMBER:
        break;
    }
    return number(p);
}

/* Arguments by their types, then what some calls need beside. False: this player must not make this call. */
static bool set_arguments(struct player *p, long nr, unsigned long *a)
{
    const struct call_line *line = &lines[line_of(nr)];

    for (unsigned i = 0; i < CALL_ARGUMENTS_MAX; i++)
        a[i] = i < line->nr_arguments ? of_type(p, line->argument[i]) : number(p);
    switch (nr) {
    case QUIRE_SYS_read:
    case QUIRE_SYS_write:
        a[2] = p->console && a[0] <= 2 ? below(p, 4) : length(p);
        a[3] = one_in(p, 4) ? a[3] : 0;
        return true;
    case QUIRE_SYS_call:
    case QUIRE_SYS_reply_receive:
    case QUIRE_SYS_send:
    case QUIRE_SYS_receive:
    case QUIRE_SYS_reply:
        a[2] = (unsigned long)extra_or_not(p);
        return true;
    case QUIRE_SYS_console_listen: /* not in a shell: it would take Ctrl-C from it */
        a[2] = may_not_end ? a[2] : 0;
        return true;
    case QUIRE_SYS_process_create:
        a[1] = one_in(p, 8) ? a[1] : below(p, QUIRE_PRIORITY_MAX + 2);
        return true;
    case QUIRE_SYS_process_start: /* an empty process has no code, so it ends at once */
        a[1] = (unsigned long)start_or_not(p);
        return true;
    case QUIRE_SYS_process_faults:
    case QUIRE_SYS_memory_pager:
        a[2] = nr == QUIRE_SYS_process_faults ? below(p, 3) : a[2];
        a[nr == QUIRE_SYS_process_faults] = one_in(p, 4) ? ~0ul - below(p, 9) : endpoint_without_server();
        return true;
    case QUIRE_SYS_process_status:
        a[2] = one_in(p, 2) ? 0 : a[2];
        return true;
    case QUIRE_SYS_futex_wait:
    case QUIRE_SYS_futex_wake:
        a[0] = one_in(p, 2) ? (unsigned long)pages + 4 * below(p, 4) : a[0];
        a[1] = one_in(p, 2) ? 0x61616161 : a[1]; /* what the pages are filled with */
        return true;
    case QUIRE_SYS_thread_priority: /* this process watches the players, so it is the most urgent one */
        a[0] = one_in(p, 2) ? 0 : a[0];
        a[1] = one_in(p, 8) ? QUIRE_PRIORITY_MAX + 1 : below(p, QUIRE_PRIORITY_MAX);
        return true;
    case QUIRE_SYS_mmap:
    case QUIRE_SYS_munmap:
    case QUIRE_SYS_mprotect:
    case QUIRE_SYS_madvise:
    case QUIRE_SYS_cache_sync:
        set_memory(p, nr, a);
        return true;
    case QUIRE_SYS_space_unmap:
    case QUIRE_SYS_space_protect:
        set_memory(p, nr, a + 1);
        return true;
    case QUIRE_SYS_memory_create:
        a[1] = below(p, 3);
        return true;
    case QUIRE_SYS_memory_supply:
        a[3] = one_in(p, 4) ? number(p) : PAGE * below(p, 20);
        /* fall through */
    case QUIRE_SYS_memory_read:
    case QUIRE_SYS_memory_write:
    case QUIRE_SYS_memory_resize:
    case QUIRE_SYS_memory_clone: /* an offset, or a size */
        a[1] = one_in(p, 4) ? number(p) : PAGE * below(p, 20);
        return true;
    case QUIRE_SYS_memory_device: /* without the right: random writes to devices could end the machine */
        a[1] = one_in(p, 2) ? number(p) : PAGE * below(p, 1ul << 20);
        return true;
    case QUIRE_SYS_space_map:
        a[1] = map_or_not(p);
        return true;
    case QUIRE_SYS_guest_create:
        a[0] = one_in(p, 2) ? 9 + below(p, 3) : a[0];
        if (one_in(p, 3)) /* a guest takes its time */
            memcpy(a + 1, guest_program, sizeof(guest_program));
        if (one_in(p, 3)) /* another place, or too few bytes */
            a[2 + below(p, 2)] = PAGE * below(p, 20);
        return one_in(p, 8);
    case QUIRE_SYS_guest_run:
        return p->depth == 1;
    case QUIRE_SYS_walk_info:
    case QUIRE_SYS_area_info:
        a[0] = one_in(p, 3) ? a[0] : 0;
        return true;
    }
    return set_process(p, nr, a);
}

static void grandchild(struct player *p)
{
    struct player own = player_of(next(p), p->depth + 1);

    play(&own, CHILD_CALLS / 4);
    quire_call(exit, 0);
}

static void start_copy(long process)
{
    struct quire_start start = {.nr_same = QUIRE_HANDLES_MAX};
    quire_call(process_start, process, &start);
}

static void play(struct player *p, unsigned long calls)
{
    unsigned long a[6];

    while (calls-- > 0) {
        long nr = one_in(p, 32) ? (long)next(p) : (long)below(p, QUIRE_NR_SYSCALLS);
        if (!set_arguments(p, nr, a))
            continue;
        long result = throw(nr, a);
        if (nr == QUIRE_SYS_process_clone && result == QUIRE_IN_CHILD)
            grandchild(p);
        if (nr == QUIRE_SYS_process_clone && result >= 0 && !one_in(p, 8))
            start_copy(result);
    }
}

/* A guest that has begun, for the calls to come. */
static void make_guest(struct player *p)
{
    struct quire_guest_exit e;
    long guest = guest_load(10 + below(p, 2), "guest/enemy");

    for (int i = 0; guest >= 0 && i < 3; i++) {
        quire_call(guest_run, guest, &e);
        quire_call(guest_answer, guest, i ? below(p, 4) : 1 + below(p, 12));
    }
}

/* A program that has just started. */
static void start_program(void)
{
    char *const arguments[] = {"true", NULL};
    struct quire_start start;
    long process = program_load("bin/true", arguments, 0, &start);

    if (process >= 0)
        quire_call(process_start, process, &start);
}

static void child(unsigned long seed)
{
    struct player p = player_of(seed, 1);

    quire_call(thread_priority, 0, QUIRE_PRIORITY_FIRST);
    p.console = one_in(&p, 16);
    for (int h = 0; h < 3 && !p.console; h++)
        quire_call(close, h);
    if (one_in(&p, 12))
        make_guest(&p);
    if (one_in(&p, 6))
        start_program();
    if (one_in(&p, 3))
        quire_call(memory_create, 16 * PAGE);
    play(&p, CHILD_CALLS);
    quire_call(exit, 0);
}

/* --- this process ---------------------------------------------------------------------- */
static struct {
    long handle;
    bool there;
} players[MAX_PLAYERS];
static unsigned long killed, children;

/* All are killed before one is waited for: an urgent one may compute, and then no other one gets on to its end. */
static void end_all(int nr)
{
    int status;

    for (int i = 0; i < nr; i++)
        if (players[i].there)
            quire_call(kill, players[i].handle);
    for (int i = 0; i < nr; i++) {
        if (!players[i].there)
            continue;
        process_wait(players[i].handle, &status);
        quire_call(close, players[i].handle);
        players[i].there = false;
    }
}

/* Players that still live: only the list of processes shows this without waiting. */
static unsigned long living(void)
{
    struct quire_process p;
    unsigned long n = 0;

    for (long i = 0; quire_call(process_info, i, &p) == 0; i++)
        n += !p.exited;
    return n;
}

/* Runs so many players at once, until they have ended or make no more calls. */
static void round_of(int nr, unsigned long seed, unsigned long before)
{
    unsigned long last = score->calls;
    int still = 0;

    for (int i = 0; i < nr; i++) {
        long handle = process_fork();
        if (handle == QUIRE_IN_CHILD)
            child(seed * MAX_PLAYERS + (unsigned long)i);
        players[i].there = handle >= 0;
        players[i].handle = handle;
        children += handle >= 0;
    }
    while (living() > before && still < PATIENCE) {
        quire_call(sleep, NAP_NS);
        unsigned long now = __atomic_load_n(&score->calls, __ATOMIC_RELAXED);
        still = now == last ? still + 1 : 0;
        last = now;
    }
    killed += still == PATIENCE;
    end_all(nr);
}

static void play_until(unsigned long calls, unsigned long seed, int nr)
{
    unsigned long before = living();

    for (unsigned long round = 0; score->calls < calls; round++)
        round_of(nr, seed * 1000003 + round, before);
}

static void find_guest_program(void)
{
    struct listed_file file;

    if (find_file("guest/enemy", &file) == 0) {
        guest_program[0] = QUIRE_ARCHIVE;
        guest_program[1] = file.offset;
        guest_program[2] = file.size;
    }
}

static void set_up(void)
{
    for (unsigned long nr = 0; nr < QUIRE_NR_SYSCALLS; nr++)
        lines[nr] = call_line(nr);
    score = mmap(FAR_AWAY, sizeof(*score), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    pages = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (score == MAP_FAILED || pages == MAP_FAILED) {
        puts("fuzz: no memory");
        exit(2);
    }
    memset(score, 0, sizeof(*score));
    find_guest_program();
    memset(pages, 'a', 4 * PAGE);
    mprotect(pages + 2 * PAGE, PAGE, PROT_READ);
    mprotect(pages + 3 * PAGE, PAGE, PROT_NONE);
    munmap(pages + 4 * PAGE, PAGE);
    mmap(pages + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
         0);
    munmap(pages + 7 * PAGE, PAGE);
}

/* --- before and after ------------------------------------------------------------------ */
struct books {
    unsigned long frames, objects, holes, poisoned, living;
};

static struct books read_books(void)
{
    static struct quire_memory m;
    struct books b = {0};

    quire_call(memory_info, &m);
    b.frames = m.free_frames;
    for (int t = 0; t < QUIRE_NR_TYPES;
         t++) /* slabs stay, and their objects are counted; the ultravisor's frames stay too */
        b.frames += strcmp(m.type_name[t], "SLAB") == 0 || strcmp(m.type_name[t], "UV") == 0
                        ? m.type[t]
                        : 0;
    b.objects = m.slab_objects;
    b.holes = m.holes;
    b.poisoned = m.poisoned;
    b.living = living();
    return b;
}

static bool as_before(const struct books *was, const struct books *now)
{
    return now->frames + KEPT_FRAMES >= was->frames &&
           now->objects <= was->objects + KEPT_OBJECTS && now->holes == was->holes &&
           now->poisoned == was->poisoned && now->living == was->living;
}

static bool compare(const struct books *was)
{
    struct books now = read_books();

    for (int look = 0; look < LAST_LOOKS && !as_before(was, &now); look++) {
        quire_call(sleep, 20 * NAP_NS);
        now = read_books();
    }
    printf(
        "fuzz: free frames %lu, then %lu; objects %lu, %lu; holes %lu, %lu; processes %lu, %lu\n",
        was->frames, now.frames, was->objects, now.objects, was->holes, now.holes, was->living,
        now.living);
    struct quire_process p;
    for (long i = 0; now.living != was->living && quire_call(process_info, i, &p) == 0; i++)
        printf("fuzz: process %lu of %lu, %s, %lu threads, %s, ran %lu ms\n", p.id, p.parent,
               p.name, p.threads, p.state, p.run_ns / 1000000);
    return as_before(was, &now);
}

/* How often this call had each result, all in all. */
static unsigned long times(unsigned call)
{
    unsigned long n = 0;

    for (int e = 0; e < ERRORS; e++)
        n += score->pairs[call][e];
    return n;
}

static void report(void)
{
    unsigned long seen = 0, in_table = 0, pairs = 0;

    for (unsigned call = 0; call <= QUIRE_NR_SYSCALLS; call++) {
        in_table += lines[call].name != NULL;
        seen += lines[call].name && times(call);
        for (int e = 0; e < ERRORS; e++)
            pairs += score->pairs[call][e] != 0;
    }
    printf("fuzz: %lu calls by %lu children, %lu of %lu in the table, %lu pairs of call and error; "
           "%lu rounds stood still\n",
           score->calls, children, seen, in_table, pairs, killed);
    printf("fuzz: not called:");
    for (unsigned call = 0; call < QUIRE_NR_SYSCALLS; call++)
        if (lines[call].name && !times(call))
            printf(" %u", call);
    printf(" (docs/system-calls.md has the numbers: what ends the machine, or only tests may)\n");
}

/* Errors of calls that their lines in the table don't have. */
static unsigned undocumented(void)
{
    unsigned n = 0;

    for (unsigned call = 0; call < QUIRE_NR_SYSCALLS; call++)
        for (int e = 1; e < ERRORS; e++)
            if (score->pairs[call][e] && !call_has_error(call, e)) {
                printf("fuzz: %s said \"%s\", which the table of system calls doesn't know\n", call_line(call).name,
                       strerror(e));
                n++;
            }
    return n;
}

/* Every result was a value or an error of the table, and no player's report as a test was accepted. */
static bool good_answers(void)
{
    unsigned believed = score->pairs[QUIRE_SYS_test_event][0], unknown = undocumented();

    if (score->odd)
        printf("fuzz: %lu odd results; call %lu said %ld\n", score->odd, score->odd_call,
               (long)score->odd_result);
    if (believed)
        printf("fuzz: %u times test_event took a player's word for that of a test\n", believed);
    return !score->odd && !believed && !unknown;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 5 || !isdigit(argv[1][0]) || !isdigit(argv[2][0]))
        usage();
    unsigned long calls = strtoul(argv[1], NULL, 10), seed = strtoul(argv[2], NULL, 10);
    int nr = argc > 3 ? atoi(argv[3]) : 1;
    if (nr < 1 || nr > MAX_PLAYERS)
        usage();
    may_not_end = argc > 4 && strcmp(argv[4], "test") == 0;
    printf("fuzz: %lu calls, seed %lu, %d at once\n", calls, seed, nr);
    quire_call(close, QUIRE_DEVICES);
    set_up();
    quire_call(thread_priority, 0, QUIRE_PRIORITY_MAX); /* if it may: it watches the players */
    struct books before = read_books();
    play_until(calls, seed, nr);
    bool good = compare(&before);
    report();
    puts(good ? "fuzz: the machine is as before, but for what it keeps: kernel stacks, tables"
              : "fuzz: THE MACHINE IS NOT AS BEFORE");
    return good_answers() && good ? 0 : 1;
}
