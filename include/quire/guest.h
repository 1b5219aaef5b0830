/* SPDX-License-Identifier: MIT */
/*
 * Guests as objects: the host's side of protected guests. The secret part of a guest is in uv/; the kernel reaches it
 * only by uvcall().
 */
#pragma once

#include <quire/upcalls.h>
#include <quire/types.h>

struct process;
struct trapframe;

/* Give the ultravisor the frames of its frame table, when the first guest is made. 0 or -ENOMEM. It keeps these frames
 * for ever. */
int guest_start_uv(void);
u64 guest_uv_frames(void);

struct folio;
struct guest_run;
struct mm;

/*
 * secure: the folio's frames are now absent from the direct map, unless they are in a hole. Not secure: all are present
 * again. Takes the folio's lock.
 */
void guest_mark_secure(struct folio *folio, bool secure);

/* The current thread ends; if it is inside a guest, the guest ends with it. */
void guest_abandon(void);

/*
 * A trap from user mode while the current thread runs a guest. uv handles the trap first. Afterwards *tf is either the
 * host thread's own frame, with the result of its system call, or the guest's frame, and the guest goes on.
 */
void guest_trap_syscall(struct trapframe *tf);
void guest_trap_fault(struct trapframe *tf, vaddr_t addr, unsigned access);
void guest_trap_exception(struct trapframe *tf, enum exception what, u64 code, vaddr_t addr);
