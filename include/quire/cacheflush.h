/* SPDX-License-Identifier: MIT */
/*
 * Cache maintenance, only where it is needed. A folio's `clean` map has a bit for each 64th of it: a set bit means "no
 * store by the kernel since the last maintenance". A bit is set after the maintenance, never before, and cleared by
 * flush_dcache_folio(). Only executable mappings trigger maintenance, and only for the part that they map.
 *
 * Where each CPU has to fence for itself (ARCH_ICACHE_LOCAL_FENCE), generations say who must fence. Every maintenance
 * takes a new code_gen. An executable mapping raises mm->need_gen before set_ptes. A CPU whose last fence is older than
 * mm->need_gen fences on its way to user mode, and remembers the code_gen that it read before the fence. CPUs that may
 * be in user mode of mm at that time are asked to fence, and the caller waits for them. docs/caches.md explains this in
 * detail, with the manuals.
 *
 * With ICACHE=stale the same calls refresh shadow frames, tests/icache/exec_shadow.h, on coherent machines as well.
 */
#pragma once

#include <quire/code_events.h>
#include <quire/folio.h>
#include <arch/cacheflush.h>

#define ICACHE_COHERENT (ARCH_ICACHE_COHERENT && !ICACHE_STALE) /* no store needs maintenance before it is executed */

struct vma;
struct mm;

/* The kernel wrote the folio through its own mapping: clear all bits of the clean map. */
void flush_dcache_folio(struct folio *folio);
void flush_dcache_page(pfn_t pfn);

/* True: the kernel has stored nothing to this frame of the folio since its last maintenance. */
bool folio_frame_is_clean(const struct folio *folio, pfn_t pfn);

/*
 * Frames [pfn, pfn + nr) of one folio are about to be mapped executable into vma. Before set_ptes. May wait for other
 * CPUs: no spin locks held.
 */
void flush_icache_pages(struct vma *vma, pfn_t pfn, unsigned nr);
static inline void flush_icache_page(struct vma *vma, pfn_t pfn) { flush_icache_pages(vma, pfn, 1); }

/*
 * The kernel wrote instructions at [start, end) of the direct map for mm (NULL: for itself, on this CPU); or a program
 * wrote them and asks for this call. It does icache_clean() for each piece, and then icache_publish() once. No spin
 * locks held but uv's.
 */
void flush_icache_range(struct mm *mm, vaddr_t start, vaddr_t end);
void icache_clean(struct mm *mm, vaddr_t start, vaddr_t end); /* the maintenance */
void icache_publish(struct mm *mm); /* each CPU sees the maintained code before it runs code of mm again */
/*
 * icache_clean() of one piece, for a caller that has the instructions at another address than the direct map's; that
 * caller calls code_cleaned() itself. Not where ICACHE_COHERENT. Any lock may be held.
 */
void icache_clean_at(void *at, size_t bytes);
u64 icache_generation(void);        /* the generation of the last maintenance; base/fence.c */
u64 icache_next_generation(void);   /* begin a new one and return it */

/* This CPU drops what its instruction cache holds, and remembers for which generation. */
void icache_fence(void);
/* On the way to user mode, interrupts off: make sure that this CPU sees mm's code. */
void icache_enter_user(struct mm *mm);
