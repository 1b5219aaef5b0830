/* SPDX-License-Identifier: MIT */
/* The system-call instruction: number in r1, arguments in r2-r7, result in r2. */
#pragma once

static inline long __syscall(long nr, long arg0, long arg1, long arg2, long arg3, long arg4,
                             long arg5)
{
    register long r1 __asm__("r1") = nr;
    register long r2 __asm__("r2") = arg0;
    register long r3 __asm__("r3") = arg1;
    register long r4 __asm__("r4") = arg2;
    register long r5 __asm__("r5") = arg3;
    register long r6 __asm__("r6") = arg4;
    register long r7 __asm__("r7") = arg5;

    __asm__ volatile("svc 0"
                     : "+d"(r2)
                     : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6), "d"(r7)
                     : "memory");
    return r2;
}
