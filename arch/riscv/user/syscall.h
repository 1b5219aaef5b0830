/* SPDX-License-Identifier: MIT */
/* The system-call instruction: number in a7, arguments in a0-a5, result in a0. */
#pragma once

static inline long __syscall(long nr, long arg0, long arg1, long arg2, long arg3, long arg4, long arg5)
{
    register long a0 __asm__("a0") = arg0;
    register long a1 __asm__("a1") = arg1;
    register long a2 __asm__("a2") = arg2;
    register long a3 __asm__("a3") = arg3;
    register long a4 __asm__("a4") = arg4;
    register long a5 __asm__("a5") = arg5;
    register long a7 __asm__("a7") = nr;

    __asm__ volatile("ecall"
                     : "+r"(a0)
                     : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7)
                     : "memory");
    return a0;
}

/*
 * A system call on messages: info in a1, six words in a2-a6 and t0, extra in t1; all come back
 */
static inline long __message_call(long nr, long handle, unsigned long *info, unsigned long word[6], unsigned long *extra)
{
    register long a0 __asm__("a0") = handle;
    register unsigned long a1 __asm__("a1") = *info;
    register unsigned long a2 __asm__("a2") = word[0];
    register unsigned long a3 __asm__("a3") = word[1];
    register unsigned long a4 __asm__("a4") = word[2];
    register unsigned long a5 __asm__("a5") = word[3];
    register unsigned long a6 __asm__("a6") = word[4];
    register unsigned long t0 __asm__("t0") = word[5];
    register unsigned long t1 __asm__("t1") = *extra;
    register long a7 __asm__("a7") = nr;

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(t0), "+r"(t1)
                     : "r"(a7)
                     : "memory");
    *info = a1, word[0] = a2, word[1] = a3, word[2] = a4, word[3] = a5, word[4] = a6, word[5] = t0, *extra = t1;
    return a0;
}
