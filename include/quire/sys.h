/* SPDX-License-Identifier: MIT */
/* sys_<name>(): one for each system call. Called with interrupts on, no locks held; arguments in the frame. */
#pragma once

#include <quire/types.h>
#include <quire/uaccess.h>
#include <arch/trap.h>
#include <uapi/quire/syscall_table.h>

#define X(number, name, arguments, errors) s64 sys_##name(struct trapframe *tf);
QUIRE_SYSCALLS(X)
#undef X

/* The i-th argument, where it is an address in the program: <quire/uaccess.h>. */
static inline struct user_ptr user_arg(const struct trapframe *tf, unsigned i)
{
    return (struct user_ptr){tf_arg(tf, i)};
}
