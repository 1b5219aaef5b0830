/* SPDX-License-Identifier: MIT */
/*
 * Stages: the world that operations meet in, and the operations that make sense there. Each operation holds the
 * references and gets the arguments that its contract asks for; the stage sees to that when it begins.
 */
#pragma once

#include <quire/folio.h>
#include <quire/hole.h>
#include <quire/memobj.h>
#include <quire/mm.h>
#include "schedule.h"

#define SPACES_MAX 2
#define LOOKS_MAX  6
#define HELD_MAX   8

struct operation {
    const char *name;
    long (*run)(void);
    void (*thread)(void); /* stages on threads: what this CPU's thread does */
    /* Answers that say "not now", with nothing changed: allowed although neither order of the whole operations leads to
     * them. */
    long not_now[3]; /* not 0 */
    bool alone;      /* it doesn't meet itself */
    bool in_steps;   /* it is several operations, one after the other: others may come in between, so only its answer is
                        compared */
    u8 needs, ends; /* what must be there all the while, and what it lets go of or wants for itself: it doesn't meet who
                       needs that */
};

/* operation.needs, operation.ends */
#define SECOND    1u /* the second space */
#define REFERENCE 2u /* the stage's to scene.folio */

struct stage {
    const char *name;
    void (*begin)(void);
    const struct operation *operations; /* the last one has no name */
    bool small;                         /* few places: two changes of CPU in the short form, too */
    void (*check)(void),
        (*end)(void); /* NULL: nothing more than everywhere: books of its own, and what is given back before the rest */
    u64 (*look)(void); /* what else is compared with the orders of whole operations */
};
extern const struct stage *const stages[];
extern const unsigned nr_stages;

/* What is on the stage. Whatever is here is given back at the end. */
struct scene {
    struct mm *mm[SPACES_MAX];
    struct mm *child[OPERATIONS_MAX]; /* each operation's, of a fork */
    struct quota *quota;
    struct memobj *object;
    struct folio *folio;   /* one reference is ours */
    struct folio *part[2]; /* likewise */
    pfn_t cut_end;         /* it was cut in parts up to here; one reference to each is ours, unless it has an owner */
    struct folio *got[OPERATIONS_MAX];             /* what each operation found, with a reference */
    struct folio *made[OPERATIONS_MAX];            /* what it made */
    struct insecure_mem *hole;                     /* ours */
    struct insecure_mem *hole_got[OPERATIONS_MAX]; /* found, with a reference */
    struct insecure_mem *hole_made[OPERATIONS_MAX];
    vaddr_t shown[SPACES_MAX];     /* where a hole is shown */
    pfn_t pfn;                     /* the frame that it is about */
    pfn_t first;                   /* what a program wrote first: the frame of page 0 */
    bool synced;                   /* a cache_sync of all that has said 0 */
    pfn_t watched[OPERATIONS_MAX]; /* what each CPU allocates next */
    unsigned nr_looks;
    struct {
        unsigned space;
        vaddr_t addr;
    } look[LOOKS_MAX]; /* pages that are looked at in the end */
};
extern struct scene scene;
extern const struct stage *stage_now;                 /* which it is */
extern const struct operation *const *operations_now; /* which meet */
extern unsigned operations_nr;

#define BASE    (8UL * MiB)
#define PAGE(n) (BASE + (n)*PAGE_SIZE)

void scene_begin(u64 frames);
void scene_look(unsigned space, vaddr_t addr);
/* All that an operation or the stage still holds goes back, and the world ends. */
void scene_end(void);
/* Every counter against what is there: books.c. */
void books_check(void);

/* In the end: what programs see. */
struct observation {
    struct {
        long read, write; /* 0, or the error */
        u64 value, again; /* what is read; and after all pages were written */
    } page[LOOKS_MAX];
    struct {
        long read;
        u64 value;
    } child[OPERATIONS_MAX]; /* page 3 of each child */
    u64 holes, poisoned;     /* frames */
    u64 more;                /* stage->look() */
};
void observe(struct observation *o);
