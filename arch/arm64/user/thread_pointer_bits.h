/* SPDX-License-Identifier: MIT */
/* The thread pointer is TPIDR_EL0 (Arm ARM, "EL0 Read/Write Software Thread ID Register"). */
#pragma once

static inline void thread_pointer_set(unsigned long value) { __asm__ volatile("msr tpidr_el0, %0" ::"r"(value)); }
static inline unsigned long thread_pointer(void)
{
    unsigned long value;

    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(value));
    return value;
}
