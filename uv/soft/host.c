/* SPDX-License-Identifier: MIT */
/*
 * The host's entries: its uvcalls, which are function calls here, and the traps of its threads that are inside a guest
 * (<quire/uv_soft.h>). uv/core gets only numbers, and checks whether this guest runs on this frame.
 */
#include <quire/counters.h>
#include <quire/uv_soft.h>
#include "soft.h"

_Static_assert(UV_READ == ACCESS_READ && UV_WRITE == ACCESS_WRITE && UV_EXEC == ACCESS_EXEC, "the host says ACCESS_*");

s64 uvcall(enum uv_call call, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
    counter_inc(COUNTER_UVCALLS);
    return uv_host_call((unsigned)call, a0, a1, a2, a3, a4);
}

struct mm *uv_guest_mm(unsigned id) { return id && id <= UV_MAX_GUESTS ? &soft_guest(id)->mm : NULL; }

bool uv_guest_trap_call(unsigned id, struct trapframe *tf)
{
    return uv_guest_call(id, (u64)tf, tf_syscall_nr(tf), tf_arg(tf, 0), tf_arg(tf, 1));
}

bool uv_guest_trap_fault(unsigned id, struct trapframe *tf, vaddr_t addr, unsigned access)
{
    return uv_guest_fault(id, (u64)tf, addr, access == ACCESS_WRITE || access == ACCESS_EXEC ? access : UV_READ);
}

bool uv_guest_trap_exception(unsigned id, struct trapframe *tf, enum exception what, u64 code)
{
    return uv_guest_exception(id, (u64)tf,
                              what == EXC_ILLEGAL      ? UV_EXCEPTION_ILLEGAL
                              : what == EXC_ARITHMETIC ? UV_EXCEPTION_ARITHMETIC
                              : what == EXC_ALIGNMENT  ? UV_EXCEPTION_ALIGNMENT
                                                       : UV_EXCEPTION_OTHER,
                              code);
}

bool uv_guest_trap_end(unsigned id, struct trapframe *tf) { return uv_guest_end(id, (u64)tf); }
