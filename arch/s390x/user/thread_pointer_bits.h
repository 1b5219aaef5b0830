/* SPDX-License-Identifier: MIT */
/* The thread pointer is in access registers 0, its upper half, and 1 (s390x ELF ABI, "Thread-local storage"). */
#pragma once

static inline void thread_pointer_set(unsigned long value)
{
    __asm__ volatile("sar %%a0, %0\n\tsar %%a1, %1" ::"d"(value >> 32), "d"(value));
}
static inline unsigned long thread_pointer(void)
{
    unsigned int high, low;

    __asm__ volatile("ear %0, %%a0\n\tear %1, %%a1" : "=d"(high), "=d"(low));
    return (unsigned long)high << 32 | low;
}
