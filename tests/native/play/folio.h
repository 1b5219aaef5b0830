/* SPDX-License-Identifier: MIT */
/* Shared by the files of game "folio"; the model is in model/frames.h. */
#pragma once

#include "play.h"
#include "../machine/machine.h"
#include "../model/frames.h"

/* Compare everything with the model. play/folio_check.c */
void folio_game_check(void);

/* Whether a block of this order is free, by the words alone. */
bool free_block_exists(unsigned order);
/* Whether err is -ENOMEM, which is only allowed if there is no memory. */
bool out_of_memory(int err);

/* play/folio_holes.c. `at`: a place in the model, -1: none */
int pick_hole(unsigned which);
bool move_punch(int at, size_t first, size_t nr);
bool move_mend_hole(int at);
bool move_hole_ref(int at, bool get);
bool move_memory_failure(pfn_t pfn);
