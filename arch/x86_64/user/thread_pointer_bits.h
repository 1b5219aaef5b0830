/* SPDX-License-Identifier: MIT */
/* The thread pointer is the base of FS. User mode sets it itself (SDM 1 17.3, FSGSBASE): no system call is needed. */
#pragma once

static inline void thread_pointer_set(unsigned long value) { __asm__ volatile("wrfsbase %0" ::"r"(value)); }
static inline unsigned long thread_pointer(void)
{
    unsigned long value;

    __asm__ volatile("rdfsbase %0" : "=r"(value));
    return value;
}
