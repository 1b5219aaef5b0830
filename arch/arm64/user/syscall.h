/* SPDX-License-Identifier: MIT */
/* The system-call instruction: number in x8, arguments in x0-x5, result in x0. */
#pragma once

static inline long __syscall(long nr, long arg0, long arg1, long arg2, long arg3, long arg4,
                             long arg5)
{
    register long x0 __asm__("x0") = arg0;
    register long x1 __asm__("x1") = arg1;
    register long x2 __asm__("x2") = arg2;
    register long x3 __asm__("x3") = arg3;
    register long x4 __asm__("x4") = arg4;
    register long x5 __asm__("x5") = arg5;
    register long x8 __asm__("x8") = nr;

    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(x8)
                     : "memory");
    return x0;
}

/*
 * A system call on messages: info in x1, six words in x2-x7, extra in x9; all come back
 */
static inline long __message_call(long nr, long handle, unsigned long *info, unsigned long word[6], unsigned long *extra)
{
    register long x0 __asm__("x0") = handle;
    register unsigned long x1 __asm__("x1") = *info;
    register unsigned long x2 __asm__("x2") = word[0];
    register unsigned long x3 __asm__("x3") = word[1];
    register unsigned long x4 __asm__("x4") = word[2];
    register unsigned long x5 __asm__("x5") = word[3];
    register unsigned long x6 __asm__("x6") = word[4];
    register unsigned long x7 __asm__("x7") = word[5];
    register long x8 __asm__("x8") = nr;
    register unsigned long x9 __asm__("x9") = *extra;

    __asm__ volatile("svc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5), "+r"(x6), "+r"(x7), "+r"(x9)
                     : "r"(x8)
                     : "memory");
    *info = x1, word[0] = x2, word[1] = x3, word[2] = x4, word[3] = x5, word[4] = x6, word[5] = x7, *extra = x9;
    return x0;
}
