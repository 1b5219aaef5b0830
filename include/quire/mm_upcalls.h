/* SPDX-License-Identifier: MIT */
/*
 * What mm needs from above, by name: implemented by kernel/ and by tests/native. Sleeping locks
 * (<quire/sync.h>) belong here too.
 */
#pragma once

#include <quire/types.h>
#include <quire/pt_root.h>

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

/*
 * A point where a long loop may be preempted; no spin locks held. True: the caller's process was killed. Work that a
 * program asked for ends then, with what is done so far; work that has to be done (taking an address space down, also
 * for a process that was killed) goes on. A loop over what a program chose the length of passes here every 512 items.
 */
bool preempt_point(void);

