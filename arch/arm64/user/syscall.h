/* SPDX-License-Identifier: MIT */
/*
 * The system-call instruction: number in x8, arguments in x0-x5, result in x0. The other registers that a function may
 * change hold nothing afterwards.
 */
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
                     : "x6", "x7", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "memory");
    return x0;
}

/*
 * A system call on messages: info in x1, six words in x19-x24, extra in x9; all come back. The words are in registers
 * that functions keep, because they stay there on the shortest way through the kernel.
 */
static inline long __message_call(long nr, long handle, unsigned long *info, unsigned long word[6],
                                  unsigned long *extra)
{
    register long x0 __asm__("x0") = handle;
    register unsigned long x1 __asm__("x1") = *info;
    register unsigned long x19 __asm__("x19") = word[0];
    register unsigned long x20 __asm__("x20") = word[1];
    register unsigned long x21 __asm__("x21") = word[2];
    register unsigned long x22 __asm__("x22") = word[3];
    register unsigned long x23 __asm__("x23") = word[4];
    register unsigned long x24 __asm__("x24") = word[5];
    register long x8 __asm__("x8") = nr;
    register unsigned long x9 __asm__("x9") = *extra;

    __asm__ volatile("svc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x19), "+r"(x20), "+r"(x21), "+r"(x22), "+r"(x23), "+r"(x24), "+r"(x9)
                     : "r"(x8)
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
                       "x18", "memory");
    *info = x1, word[0] = x19, word[1] = x20, word[2] = x21, word[3] = x22, word[4] = x23, word[5] = x24, *extra = x9;
    return x0;
}
