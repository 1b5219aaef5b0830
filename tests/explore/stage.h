/* SPDX-License-Identifier: MIT */
/*
 * Stages: the world that operations meet in, and the operations that make sense there. Each operation holds the
 * references and gets the arguments that its contract requires; the stage provides them at its beginning.
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
    void (*thread)(void); /* stages on threads: the function of this CPU's thread */
    /* Answers that say "not now", with nothing changed: allowed although neither order of the whole operations leads to
     * them. */
    long not_now[3]; /* not 0 */
    bool alone;      /* it doesn't meet itself */
    bool in_steps;   /* it is several operations in a row: others may come in between, so only its answer is compared */
    /* what it needs all the time; what it ends or needs alone: it doesn't meet operations that need this */
    u8 needs, ends;
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
        (*end)(void); /* books of its own, and things to give back before all others; NULL: none */
    u64 (*look)(void); /* another value that is compared with the orders of whole operations */
};
extern const struct stage *const stages[];
extern const unsigned nr_stages;

/* The objects on the stage. All of them are given back at the end. */
struct scene {
    struct mm *mm[SPACES_MAX];
    struct mm *child[OPERATIONS_MAX]; /* the child of each operation's fork */
    struct quota *quota;
    struct memobj *object;
    struct folio *folio;   /* the stage holds one reference */
    struct folio *part[2]; /* likewise */
    /* it was cut in parts up to here; the stage holds one reference to each part without an owner */
    pfn_t cut_end;
    struct folio *got[OPERATIONS_MAX];             /* folios that operations found, with a reference */
    struct folio *made[OPERATIONS_MAX];            /* folios that operations made */
    struct insecure_mem *hole;                     /* ours */
    struct insecure_mem *hole_got[OPERATIONS_MAX]; /* found, with a reference */
    struct insecure_mem *hole_made[OPERATIONS_MAX];
    vaddr_t shown[SPACES_MAX];     /* where a hole is mapped */
    pfn_t pfn;                     /* the frame of the stage's operations */
    pfn_t first;                   /* the frame of page 0, which a program wrote first */
    bool synced;                   /* a cache_sync of the whole area has returned 0 */
    pfn_t watched[OPERATIONS_MAX]; /* what each CPU allocates next */
    unsigned nr_looks;
    struct {
        unsigned space;
        vaddr_t addr;
    } look[LOOKS_MAX]; /* pages that are looked at in the end */
};
extern struct scene scene;
extern const struct stage *stage_now;                 /* the current stage */
extern const struct operation *const *operations_now; /* the operations that meet */
extern unsigned operations_nr;

#define BASE    (8UL * MiB)
#define PAGE(n) (BASE + (n)*PAGE_SIZE)

void scene_begin(u64 frames);
void scene_look(unsigned space, vaddr_t addr);
/* Give back everything that an operation or the stage still holds, and end the world. */
void scene_end(void);
/* Every counter against what is there: books.c. */
void books_check(void);

/* In the end: what programs see. */
struct observation {
    struct {
        long read, write; /* 0, or the error */
        u64 value, again; /* the value read; the value after all pages were written */
    } page[LOOKS_MAX];
    struct {
        long read;
        u64 value;
    } child[OPERATIONS_MAX]; /* page 3 of each child */
    u64 holes, poisoned;     /* frames */
    u64 more;                /* stage->look() */
};
void observe(struct observation *o);
