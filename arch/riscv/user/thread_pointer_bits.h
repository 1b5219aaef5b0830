/* SPDX-License-Identifier: MIT */
/* The thread pointer is tp (RISC-V ELF psABI, "Register Convention"). */
#pragma once

static inline void thread_pointer_set(unsigned long value) { __asm__ volatile("mv tp, %0" ::"r"(value)); }
static inline unsigned long thread_pointer(void)
{
    unsigned long value;

    __asm__ volatile("mv %0, tp" : "=r"(value));
    return value;
}
