/* SPDX-License-Identifier: MIT */
/*
 * The system-call instruction: number in a7, arguments in a0-a5, result in a0. The other registers that a function may
 * change hold nothing afterwards.
 */
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
                     : "a6", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
    return a0;
}

/*
 * A system call on messages: info in a1, six words in s2-s7, extra in t1; all come back. The words are in registers
 * that functions keep, because they stay there on the shortest way through the kernel.
 */
static inline long __message_call(long nr, long handle, unsigned long *info, unsigned long word[6],
                                  unsigned long *extra)
{
    register long a0 __asm__("a0") = handle;
    register unsigned long a1 __asm__("a1") = *info;
    register unsigned long s2 __asm__("s2") = word[0];
    register unsigned long s3 __asm__("s3") = word[1];
    register unsigned long s4 __asm__("s4") = word[2];
    register unsigned long s5 __asm__("s5") = word[3];
    register unsigned long s6 __asm__("s6") = word[4];
    register unsigned long s7 __asm__("s7") = word[5];
    register unsigned long t1 __asm__("t1") = *extra;
    register long a7 __asm__("a7") = nr;

    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(s2), "+r"(s3), "+r"(s4), "+r"(s5), "+r"(s6), "+r"(s7), "+r"(t1)
                     : "r"(a7)
                     : "a2", "a3", "a4", "a5", "a6", "t0", "t2", "t3", "t4", "t5", "t6", "memory");
    *info = a1, word[0] = s2, word[1] = s3, word[2] = s4, word[3] = s5, word[4] = s6, word[5] = s7, *extra = t1;
    return a0;
}
