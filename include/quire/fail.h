/* SPDX-License-Identifier: MIT */
/* Allocations that fail on purpose. base/fail.c */
#pragma once

#include <quire/types.h>

/*
 * Tests: make the n-th allocation from now on fail, once (0: none). Counts slab and frame requests. Returns how many
 * requests the last call of this function still had to wait; 0: its failure has happened.
 */
u64 fail_nth(u64 n);
extern u64 fail_countdown;
/* Asked by everything that hands out memory. */
static inline bool allocation_fails(void) { return QUIRE_DEBUG && unlikely(fail_countdown) && --fail_countdown == 0; }
