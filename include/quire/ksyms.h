/* SPDX-License-Identifier: MIT */
/* Names of kernel functions, and backtraces. */
#pragma once

#include <quire/types.h>

/* The name of the function that addr lies in; NULL: none. */
const char *ksym_name(vaddr_t addr, u64 *offset);
void print_backtrace(vaddr_t pc, vaddr_t fp);
void panic_stop(void);
