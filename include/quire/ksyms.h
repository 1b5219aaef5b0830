/* SPDX-License-Identifier: MIT */
/* Names and source lines of kernel functions, and backtraces. */
#pragma once

#include <quire/types.h>

/* The name of the function that addr lies in; NULL: none. */
const char *ksym_name(vaddr_t addr, u64 *offset);
#define SYMBOL_TEXT 96
/* "function() (file:line)" for a return address, or for a pc + 1. `text` has SYMBOL_TEXT bytes; it is returned. */
const char *symbol_text(vaddr_t pc, char *text);
/* Return addresses: of the function that calls the caller of this, of its caller, and so on. At most nr. */
void backtrace_callers(u64 *pcs, unsigned nr);
void print_backtrace(vaddr_t pc, vaddr_t fp);
void panic_stop(void);
