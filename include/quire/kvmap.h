/* SPDX-License-Identifier: MIT */
/* Kernel stacks: KSTACK_SIZE bytes in a region of their own, with an unmapped guard below each. */
#pragma once

#include <quire/types.h>

/* The top of a new stack; NULL: no memory. */
void *kstack_alloc(void);
void kstack_free(void *top); /* interrupts may be off; no run queue's lock: it may flush */
/* Whether addr lies in a guard; *top: the stack it guards. */
bool kstack_guard_at(vaddr_t addr);
u64 kstack_cached_frames(void); /* of stacks kept for the next thread, and of all stacks' tables */
u64 kstack_tables(void);        /* page tables that map stacks: each has a descriptor */
