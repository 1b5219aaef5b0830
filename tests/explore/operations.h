/* SPDX-License-Identifier: MIT */
/*
 * Operations of several stages. Those on an address space exist for the first and the second space; pages are counted
 * from BASE on.
 */
#pragma once

#include "stage.h"

/* pfn_folio_get() and folio_put_many(), compiled as mm is: inlines.c. */
struct folio *look_up(pfn_t pfn);
void let_go(struct folio *f, u32 nr);

#define OP(name_, run_, ...)                                                                                           \
    {                                                                                                                  \
        .name = name_, .run = run_, ##__VA_ARGS__                                                                      \
    }
#define NO_OPERATION                                                                                                   \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }

/* --- address spaces: operations_mm.c ----------------------------------------------------------- */
long op_write(void), op_write_far(void), op_write_second(void); /* a program stores: page 3, 5, 3 of the second space */
long op_read(void), op_read_far(void), op_read_second(void);
long op_munmap(void), op_munmap_part(void), op_munmap_second(void); /* all of the area; pages 2 and 3 */
long op_dontneed(void), op_dontneed_part(void), op_dontneed_second(void);
long op_readonly(void), op_readonly_part(void), op_readonly_second(void);
long op_cold(void);
long op_populate(void);
long op_cache_sync(void);
long op_fork(void), op_fork_second(void);
long op_exit_second(void); /* the second space ends */
long op_break(void);       /* MADV_HWPOISON of page 3 */
long op_merge(void);       /* extends the area by another mapping behind it */
long op_write_shown(void); /* a program stores to the hole that the first space maps */

/* --- folios, holes, poison: operations_folio.c ------------------------------------------------- */
long op_get(void); /* look up scene.pfn, keep the reference */
#define FROZEN                                                                                                         \
    {                                                                                                                  \
        -ENOENT                                                                                                        \
    }                                       /* a split or join freezes folios, so a look-up doesn't find them */
long op_watch(void);                        /* look up what the other CPUs allocate next */
long op_put(void);                          /* the stage's reference goes */
long op_alloc(void);                        /* a folio of default order */
/* folios that are mapped in part are cut down; the number isn't promised */
long op_trim(void);
long op_punch(void);                        /* scene.pfn and the frame behind it */
long op_poison(void), op_poison_next(void); /* scene.pfn; the frame behind it */
long op_split(void), op_split_around(void), op_join(void);
long op_mend(void), op_hole_get(void);
long op_object_page(void); /* look up page 3 of the object */

/* --- how worlds begin -------------------------------------------------------------------------- */
/* A space with an area of so many pages from BASE on. */
void begin_private(unsigned space, unsigned pages);
void begin_shared(unsigned space, unsigned pages); /* of scene.object */
void begin_cloned(void);                           /* the second space is a copy of the first */
/* Whether a CPU's TLB holds a translation of a living space to one of these frames. */
bool remembered(pfn_t pfn, u64 nr);
/* Pages are written by a program on that CPU, with value 7 and up. */
void begin_written(unsigned cpu, unsigned space, unsigned first, unsigned nr);
/* scene.pfn is the frame of page 3, and the stage holds a reference to its folio. */
void begin_held(unsigned space);
void begin_watched(unsigned order);
/* A hole of two frames from scene.pfn on. */
void begin_hole(void);
/* Two spaces, and a folio of eight frames, whose frames 3 and 4 are a hole that the first space maps. */
void begin_shown_hole(void);
/* After each operation the contents of pages 0, 3 and 5 of the first space are looked at. */
void look_at_three(void);
