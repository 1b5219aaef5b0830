/* SPDX-License-Identifier: MIT */
/*
 * Contract: the only instructions that touch user memory. Use copy_in()/copy_out()
 * (include/quire/uaccess.h), which check the range first.
 *
 * Each returns the number of bytes NOT copied. An access that faults goes to trap_fault(), which resolves the fault or
 * continues at the exit that the exception table gives for the faulting instruction. An entry of the table (.ex_table)
 * is two signed 32-bit offsets from the entry itself: to the instruction and to the exit.
 */
#pragma once

#include <quire/types.h>

size_t arch_copy_from_user(void *to, const void __user *from, size_t n);
size_t arch_copy_to_user(void __user *to, const void *from, size_t n);

struct extable_entry {
    s32 insn;
    s32 exit;
};
extern const struct extable_entry __ex_table_start[], __ex_table_end[];
