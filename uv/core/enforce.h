/* SPDX-License-Identifier: MIT */
/*
 * What makes the ultravisor's table true, by name: all that uv/core calls in the room above it. uv/soft enforces with
 * the direct map and user mode; tests/explore plays with marks. `make check` reads the names here. Downward, uv/core
 * calls mm and base as well: flushes, instruction caches, loading an address space, panics.
 */
#pragma once

#include "uv.h"

/* --- table.c: the guest's page tables, made of donated frames ----------------------------------- */
u64 uv_tables_needed(u64 nr_pages);
int uv_tables_make(struct uv_guest *g, u64 page, pfn_t pfn, u64 nr); /* tables for a mapping; -ENOMEM: donate more */
void uv_tables_map(struct uv_guest *g, u64 page, pfn_t pfn, u64 nr, unsigned access); /* after uv_tables_make() */
pte_t uv_tables_entry(const struct uv_guest *g, u64 page); /* not present: none */
pfn_t uv_tables_frame(const struct uv_guest *g, u64 page); /* PFN_NONE: none */

/* --- memory.c: the guest's memory, translated by its own tables --------------------------------- */
/* n bytes at addr, all of them or none: -EFAULT. Pages of any state that belongs to the guest. Guest lock held. */
int uv_memory_read(struct uv_guest *g, void *to, vaddr_t addr, size_t n);
int uv_memory_write(struct uv_guest *g, vaddr_t addr, const void *from, size_t n);

/* --- soft.c: enforcement by direct map and user mode -------------------------------------------- */
bool uv_soft_present(pfn_t pfn, u64 nr);  /* all in the direct map */
bool uv_soft_prepared(pfn_t pfn, u64 nr); /* where frames can be taken out one by one */
bool uv_soft_lent(pfn_t pfn);          /* its word says that it is in a hole */
bool uv_soft_reserved(pfn_t pfn);      /* no memory, or the image, the words: can never be a guest's */
void uv_soft_apply(enum uv_effect effect, pfn_t pfn, u64 nr);
/* One hidden frame at an address that is this CPU's until uv_soft_close(); interrupts are off meanwhile. */
void *uv_soft_open(pfn_t pfn);
void uv_soft_close(void);
struct trapframe *uv_soft_frame(void); /* the user frame of the host thread that calls */
