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
