/* SPDX-License-Identifier: MIT */
/* Messages between CPUs: flushes, instruction fences, reschedule, stop. */
#pragma once

#include <quire/pt_root.h>
#include <quire/types.h>

void shootdown_serve(void);        /* do what this CPU's mailbox asks for; any context */
void cpu_request_reschedule(unsigned cpu);
void cpus_stop_others(void);       /* panic and power off: they halt for good */

/*
 * Every CPU in `mask` but this one flushes [start, start + nr pages) of root (nr 0: all of it; root NULL:
 * kernel addresses) and has done so when this returns. Serves this CPU's own mailbox meanwhile.
 */
void mm_flush_remote(u32 mask, const struct pt_root *root, vaddr_t start, u64 nr);

/*
 * Every CPU in `mask` has called icache_fence() and its fenced_gen is at least gen when this returns. This CPU isn't in
 * the mask, and serves its own mailbox meanwhile.
 */
void mm_fence_remote(u32 mask, u64 gen);

/* What a CPU does when asked to, and for its own part; nr 0, and root NULL, as above. base/tlb_local.c */
void tlb_flush_local(const struct pt_root *root, vaddr_t start, u64 nr);
