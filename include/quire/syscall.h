/* SPDX-License-Identifier: MIT */
/* System calls: one function sys_<name>() for each line of <uapi/quire/syscall_table.h>. */
#pragma once

#include <quire/types.h>

struct trapframe;

void syscall_dispatch(struct trapframe *tf);
