/* SPDX-License-Identifier: MIT */
/* Shared by the files of game "mm": the real objects that belong to those of model/spaces.h. */
#pragma once

#include "play.h"
#include "../machine/machine.h"
#include "../model/spaces.h"
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/memobj.h>

/* The window: two level-0 tables meet in it, whatever the format. */
#define WINDOW_BASE ((8UL * MiB) - WINDOW_PAGES / 2 * PAGE_SIZE)
#define GAME_OBJECTS 3u /* made at the start; the first ones in the model */
#define GAME_HOLES 8

extern struct mm *mms[SPACES];
extern struct memobj *game_objects[GAME_OBJECTS];

struct game_hole {
    struct insecure_mem *real; /* NULL: this place is empty */
    int object;                /* the object that it is in; -1: anonymous memory */
    u64 index;
    unsigned nr;
};
extern struct game_hole game_holes[GAME_HOLES];
extern struct folio *held_folio; /* the move itself holds a reference to it */
extern u64 lost_frames; /* poisoned so far */

static inline vaddr_t page_addr(unsigned page) { return WINDOW_BASE + page * PAGE_SIZE; }

/* Whether -ENOMEM is allowed: an allocation was made to fail, or memory is nearly full. */
bool memory_is_short(void);
#define FAIR_NOMEM(err) ((err) == -ENOMEM && memory_is_short())

/* Compare everything that can be seen: contents, rights, counts. play/mm_check.c */
void mm_game_check(void);
/* The model's part when frames are lost: first find the mappings, by the test's own walk of the tables, then change the
 * model. */
void find_mappings(pfn_t pfn, unsigned nr);
void forget_found(bool broken);
void mark_found(unsigned hole); /* private pages keep their contents behind a mark */
pfn_t frame_at(unsigned space, unsigned page); /* PFN_NONE */
bool writable_at(unsigned space, unsigned page);

/* Moves on memory itself. play/mm_frames.c */
bool move_poison_page(unsigned space, unsigned page);
bool move_poison_object(unsigned object, u64 index);
bool move_punch_page(unsigned space, unsigned page, unsigned nr);
bool move_mend(unsigned which);
bool move_add_folio(unsigned object, u64 index, unsigned order);
bool move_map_hole(unsigned space, unsigned which, unsigned page, unsigned prot);
void mend_all(void);

/* Moves on address spaces. play/mm_spaces.c */
bool move_map(unsigned space, unsigned page, unsigned nr, unsigned how);
bool move_unmap(unsigned space, unsigned page, unsigned nr);
bool move_protect(unsigned space, unsigned page, unsigned nr, unsigned prot);
bool move_advise(unsigned space, unsigned page, unsigned nr, unsigned advice);
bool move_touch(unsigned space, unsigned page, unsigned access, unsigned word);
bool move_create(unsigned space);
bool move_sweep(unsigned space, unsigned page, unsigned nr, bool write);
bool move_rewrite(unsigned space, unsigned page);
bool move_age(unsigned space, unsigned page);
bool move_clone(unsigned space, unsigned to);
bool move_put(unsigned space);
bool move_nonsense(unsigned space, unsigned which);

/* References of others. play/mm_pins.c */
void pins_begin(void);
unsigned pins_of(const struct folio *f);
void unpin_all(void);
bool move_pin(unsigned space, unsigned page, unsigned which);
bool move_unpin(unsigned which);
bool move_split_pinned(unsigned which, unsigned order);
bool move_join_pinned(unsigned which, unsigned order);
bool move_map_pages(unsigned space, unsigned page, u64 nr);
