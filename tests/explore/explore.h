/* SPDX-License-Identifier: MIT */
/*
 * Two or three operations of mm/ and uv/ meet, in every order: their code is compiled with gcc's -fsanitize=thread, and
 * this folder is the run-time that such code calls before each access to memory (instrument.c).
 *
 *   CPU        a coroutine with a stack and a this_cpu() of its own, which makes one operation (cpus.c)
 *   place      an access to memory that others can reach: before it, another CPU may go on. Places are numbered from 1
 *              in the order in which a schedule comes to them
 *   schedule   which CPU begins, and at which places another goes on: a few numbers, so it can be repeated (schedule.h)
 *   stage      the beginning of a world in which operations meet, and a list of the operations (stages.c, stages_*.c)
 *   books      what must be true when all have ended: counts, words, tables, contents (books.c)
 *
 * A CPU that must wait lets the next one go on, and so does a CPU that repeats a loop without a lock. Neither counts as
 * a change of the schedule.
 */
#pragma once

#include <quire/types.h>
#include "schedule.h"

/* --- cpus.c ------------------------------------------------------------------------------------ */
extern bool exploring;    /* operations run; false during setup and books, when no access is a place */
extern unsigned running;  /* the CPU whose operation runs; its number is the operation's */
extern u64 places_passed; /* in this schedule, by all CPUs */
extern unsigned changes_made;

/* Runs one operation and returns its result. */
typedef long (*operation_fn)(void);

/* Run the operations by the schedule, in the current world. */
void cpus_run(const struct schedule *s, const operation_fn *operations, long *results);
/* Call fn; false: a check failed meanwhile, in an operation or outside. */
bool cpus_try(void (*fn)(void));
/* Called before an access that is a place: here the schedule may say that another CPU goes on. */
void cpus_place(void);
/* The running CPU can't go on before another CPU has: a lock isn't free. `what` names what it waits for. */
void cpus_wait(const char *what);
/* The running CPU repeats a loop until something changes: the next CPU goes on, if there is one. */
void cpus_relax(void);
/* An access changed something: CPUs that wait may find something new. */
void cpus_progress(void);
bool cpus_on_stack(const void *at);
bool thread_stack_has(const void *at); /* machine_threads.c */
/* The running CPU's operation is over. */
void cpus_through(void) __attribute__((noreturn));
/* A check has failed: never returns. */
void cpus_give_up(void) __attribute__((noreturn));

/* Where the running CPU is: return addresses from the operation down, maintained by instrument.c. */
#define CALLS_MAX 64
struct call_stack {
    unsigned depth;
    const void *pc[CALLS_MAX];
};
extern struct call_stack calls[OPERATIONS_MAX];

/* --- access.c: which operation touched which memory, for all schedules of one pair ------------- */
enum access {
    ACCESS_PLAIN_READ,
    ACCESS_PLAIN_WRITE,
    ACCESS_ONCE_READ, /* READ_ONCE, WRITE_ONCE: volatile */
    ACCESS_ONCE_WRITE,
    ACCESS_ATOMIC_LOAD,
    ACCESS_ATOMIC_STORE,
    ACCESS_ATOMIC_CHANGE, /* reads and writes in one step */
};
static inline bool access_writes(enum access a)
{
    return a == ACCESS_PLAIN_WRITE || a == ACCESS_ONCE_WRITE || a == ACCESS_ATOMIC_STORE || a == ACCESS_ATOMIC_CHANGE;
}
static inline bool access_plain(enum access a) { return a == ACCESS_PLAIN_READ || a == ACCESS_PLAIN_WRITE; }

/* Locks by number, a bit each. A lock that is held for reading excludes a CPU that wants it for writing. */
struct locks {
    u16 alone, any; /* held for writing; held for reading or writing */
};
extern struct locks locks_of[OPERATIONS_MAX]; /* what each CPU holds */
static inline bool locks_exclude(const struct locks *a, const struct locks *b)
{
    return a->alone & b->any || a->any & b->alone;
}
static inline struct locks locks_common(const struct locks *a, const struct locks *b)
{
    return (struct locks){a->alone & b->alone, a->any & b->any};
}
static inline bool locks_same(const struct locks *a, const struct locks *b)
{
    return a->alone == b->alone && a->any == b->any;
}
void locks_forget(void); /* another pair begins: numbers start again */
void locks_begin(void);  /* a schedule begins: no lock is held */
/* The running CPU has changed an atomic variable in one step: this may have taken or dropped a lock. */
void locks_changed(const volatile void *at, u64 before, u64 after, bool acquires);

void accesses_forget(void); /* another pair */
/* From now on conflicts are decided by the accesses seen until now. False: there are no new ones. */
bool accesses_settle(void);
/* Whether an access conflicts with the known accesses of other operations. */
enum meeting {
    MEETS_NOBODY, /* no other operation touches this, or all only read: a change of CPU here is equal to a later one */
    MEETS_NEWLY,  /* since the last accesses_settle() */
    MEETS,
};
enum meeting access_note(const void *at, size_t size, bool write, unsigned cpu);

/* --- races.c: accesses that nothing orders ---------------------------------------------------- */
void races_begin(unsigned cpus); /* a schedule */
void races_access(const void *at, size_t size, enum access kind, unsigned cpu, const void *pc);
void races_acquire(const void *at, unsigned cpu, bool relaxed);
void races_release(const void *at, unsigned cpu, bool relaxed, bool keeps_older);
void races_fence(unsigned cpu, bool acquire, bool release);
/* All CPUs have served a request of this one: everything that each did before is ordered before this. */
void races_rendezvous(void);
extern bool races_looked_for;

struct race {
    struct race_side {
        const void *pc;
        enum access kind;
        unsigned cpu;
    } first, second;
    const void *at;
    char where[80];
};
#define RACES_MAX 32

/* --- report.c: in words ------------------------------------------------------------------------ */
extern bool aloud; /* this schedule is printed in words */
void report_begin(const char *const *names, unsigned nr);
/* `matters`: the access conflicts with others' accesses. */
void report_place(const void *at, size_t size, enum access kind, const void *pc, bool matters);
void report_stops(const char *why); /* the running CPU stops before the access just reported */
void report_goes_on(unsigned cpu);
void report_result(long result);
void report_end(void);
void report_place_name(char *text, size_t size, const void *at); /* the name of the memory at an address */
void report_code(char *text, size_t size, const void *pc);       /* function and line */

/* --- instrument.c ------------------------------------------------------------------------------ */
/* For code that isn't compiled with -fsanitize=thread: the machine's own accesses to memory that mm uses. */
void explore_access(const void *at, size_t size, bool write);
/* A place that may conflict with any other: an action of the hardware. */
void explore_hardware(void);
/* The running operation repeats something that may first need other CPUs to go on. */
void explore_again(void);

/* --- memory ------------------------------------------------------------------------------------ */
bool memory_poisoned(const void *at, size_t size);
