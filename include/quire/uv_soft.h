/* SPDX-License-Identifier: MIT */
/*
 * What the soft ultravisor, uv/soft, offers the host's trap code beside uvcall(). A soft guest runs like a host thread:
 * its traps come to the host's kernel first, which passes them on by these functions. An ultravisor below the kernel
 * would get the traps itself, and would need none of these functions.
 */
#pragma once

#include <quire/upcalls.h>
#include <quire/uv.h>

/*
 * A trap from user mode inside a guest, with interrupts off. True: the guest left, *tf is the host's frame again and no
 * guest's tables are loaded. True, with nothing done: that guest doesn't run on this frame.
 */
bool uv_guest_trap_call(unsigned id, struct trapframe *tf);
bool uv_guest_trap_fault(unsigned id, struct trapframe *tf, vaddr_t addr, unsigned access);
bool uv_guest_trap_exception(unsigned id, struct trapframe *tf, enum exception what, u64 code);
/* The host thread inside ends: the guest leaves for good. */
bool uv_guest_trap_end(unsigned id, struct trapframe *tf);

/* The address space that the scheduler loads while a thread is inside the guest; NULL: no such guest. */
struct mm;
struct mm *uv_guest_mm(unsigned id);
