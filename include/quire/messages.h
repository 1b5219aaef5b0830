/* SPDX-License-Identifier: MIT */
/* Messages between CPUs: flushes, instruction fences, reschedule, stop. */
#pragma once

#include <quire/pt_root.h>
#include <quire/types.h>

void shootdown_serve(void);        /* do what this CPU's mailbox asks for; any context */
void cpu_request_reschedule(unsigned cpu);
void cpus_stop_others(void);       /* panic and power off: they halt for good */

/*
 * Make every CPU in `mask` except this one flush [start, start + nr pages) of root (nr 0: all of it; root NULL: kernel
 * addresses). Returns when all have flushed; serves this CPU's own mailbox while it waits.
 */
void mm_flush_remote(u32 mask, const struct pt_root *root, vaddr_t start, u64 nr);

/*
 * Returns when every CPU in `mask` has called icache_fence() and its fenced_gen is at least gen. This CPU isn't in the
 * mask; it serves its own mailbox while it waits.
 */
void mm_fence_remote(u32 mask, u64 gen);

/* Flush on this CPU: as its own part, or because another CPU asked. nr 0 and root NULL mean the same as above.
 * base/tlb_local.c */
void tlb_flush_local(const struct pt_root *root, vaddr_t start, u64 nr);
