/* SPDX-License-Identifier: MIT */
/*
 * Pagers: programs that supply the pages of a memory object. A thread that misses a page calls the pager's endpoint
 * with the words of QUIRE_PAGER_MISS, <uapi/quire/ipc.h>, and waits for the reply as any caller does. After a reply of
 * 0 it makes its access again; after any other end of the call the access was a bus error. So a reply without a page is
 * followed by the next call, and the thread can be killed at any time.
 *
 * Threads that miss the same page send a message each. No lock is held while a pager works, and only user mode waits
 * for it: the kernel's own accesses to a page that is missing fail (copy_in() and copy_out(): -EFAULT).
 */
#pragma once

#include <quire/types.h>

struct memobj;
struct object;
struct pager;

/* A pager for one object: it is called by this endpoint, with the badge of the handle, and `word` in the message. Takes
 * a reference to the endpoint. NULL: no memory, or the account is full. pager_put() in <quire/upcalls.h> ends it. */
struct pager *pager_create(struct object *endpoint, u64 badge, u64 word);

/*
 * The current thread's access from user mode met a missing page: mm_fault() said -EAGAIN. Waits for the pager. 0: try
 * again; -EIO: the pager doesn't supply it, or there is none any more. Interrupts on, no locks held.
 */
int pager_fault(vaddr_t addr, unsigned access);
