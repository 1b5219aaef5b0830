/* SPDX-License-Identifier: MIT */
/* sys_<name>(): one for each system call. Called with interrupts on, no locks held; arguments in the frame. */
#pragma once

#include <quire/types.h>
#include <arch/trap.h>
#include <uapi/quire/syscall_table.h>

#define X(number, name, nr_args, text) s64 sys_##name(struct trapframe *tf);
QUIRE_SYSCALLS(X)
#undef X
