/* SPDX-License-Identifier: MIT */
/*
 * Cache maintenance that is really needed. A folio's `clean` map has a bit for each 64th of it: set means
 * "no store by the kernel since the last maintenance"; set after the maintenance, never before; cleared by
 * flush_dcache_folio(). Only executable mappings trigger maintenance, and only of the part they map.
 *
 * Where each CPU has to fence for itself (ARCH_ICACHE_LOCAL_FENCE) the rule is one of generations: every
 * maintenance takes a new code_gen; an executable mapping raises mm->need_gen before set_ptes; a CPU whose
 * last fence is older than mm->need_gen fences on its way to user mode, and keeps the code_gen that it read
 * before the fence. CPUs that may be in user mode of mm right then are asked to fence, and waited for. docs/caches.md
 * tells it at length, with the manuals.
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

/* The kernel wrote the folio through its own mapping: what was clean isn't any more. */
void flush_dcache_folio(struct folio *folio);
void flush_dcache_page(pfn_t pfn);

/* No store by the kernel since this frame of the folio was maintained. */
bool folio_frame_is_clean(const struct folio *folio, pfn_t pfn);

/*
 * Frames [pfn, pfn + nr) of one folio are about to be mapped executable into vma. Before set_ptes. May wait for other
 * CPUs: no spin locks held.
 */
void flush_icache_pages(struct vma *vma, pfn_t pfn, unsigned nr);
static inline void flush_icache_page(struct vma *vma, pfn_t pfn) { flush_icache_pages(vma, pfn, 1); }

/*
 * The kernel wrote instructions at [start, end) of the direct map for mm (NULL: for itself, on this CPU), or a program
 * did and asks for this: icache_clean() of each piece, and then, once, icache_publish(). No spin locks held but uv's.
 */
void flush_icache_range(struct mm *mm, vaddr_t start, vaddr_t end);
void icache_clean(struct mm *mm, vaddr_t start, vaddr_t end); /* the maintenance */
void icache_publish(struct mm *mm); /* each CPU sees it before it runs code of mm again */
/*
 * A piece of it, for who has the instructions at another address than the direct map's and tells code_cleaned() himself.
 * Not where ICACHE_COHERENT. Any lock.
 */
void icache_clean_at(void *at, size_t bytes);
u64 icache_generation(void);        /* how much maintenance there was: the generation of the last; base/fence.c */
u64 icache_next_generation(void);   /* one more */

/* This CPU drops what its instruction cache holds, and remembers for which generation. */
void icache_fence(void);
/* On the way to user mode, interrupts off: make sure that this CPU sees mm's code. */
void icache_enter_user(struct mm *mm);
