/* SPDX-License-Identifier: MIT */
/*
 * Guests as objects: the host's side of protected guests. What is secret about them is in uv/; the kernel
 * only asks for it by uvcall().
 */
#pragma once

#include <quire/upcalls.h>
#include <quire/types.h>

struct process;
struct trapframe;

/* Give the ultravisor its frame table, at the first need. 0 or -ENOMEM. It keeps those frames for ever. */
int guest_start_uv(void);
u64 guest_uv_frames(void);

struct folio;
struct guest_run;
struct mm;

/*
 * Its frames are out of the direct map unless they are in a hole; or they are all there again. Takes the folio's
 * lock.
 */
void guest_mark_secure(struct folio *folio, bool secure);

/* The current thread ends; if it is inside a guest, the guest ends with it. */
void guest_abandon(void);

/*
 * A trap from user mode while the current thread runs a guest. uv has it first; afterwards *tf is the host
 * thread's own frame again with the result of its system call, or the guest's, to go on.
 */
void guest_trap_syscall(struct trapframe *tf);
void guest_trap_fault(struct trapframe *tf, vaddr_t addr, unsigned access);
void guest_trap_exception(struct trapframe *tf, enum exception what, u64 code, vaddr_t addr);
