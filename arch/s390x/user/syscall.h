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

/*
 * A system call on messages: info in r3, six words in r4-r9, extra in r10; all come back
 */
static inline long __message_call(long nr, long handle, unsigned long *info, unsigned long word[6],
                                  unsigned long *extra)
{
    register long r1 __asm__("r1") = nr;
    register long r2 __asm__("r2") = handle;
    register unsigned long r3 __asm__("r3") = *info;
    register unsigned long r4 __asm__("r4") = word[0];
    register unsigned long r5 __asm__("r5") = word[1];
    register unsigned long r6 __asm__("r6") = word[2];
    register unsigned long r7 __asm__("r7") = word[3];
    register unsigned long r8 __asm__("r8") = word[4];
    register unsigned long r9 __asm__("r9") = word[5];
    register unsigned long r10 __asm__("r10") = *extra;

    __asm__ volatile("svc 0"
                     : "+d"(r2), "+d"(r3), "+d"(r4), "+d"(r5), "+d"(r6), "+d"(r7), "+d"(r8), "+d"(r9), "+d"(r10)
                     : "d"(r1)
                     : "memory");
    *info = r3, word[0] = r4, word[1] = r5, word[2] = r6, word[3] = r7, word[4] = r8, word[5] = r9, *extra = r10;
    return r2;
}
