/* SPDX-License-Identifier: MIT */
/*
 * The system-call instruction: number in rax, arguments in rdi rsi rdx r10 r8 r9, result in rax.
 * SYSCALL itself takes rcx and r11.
 */
#pragma once

static inline long __syscall(long nr, long arg0, long arg1, long arg2, long arg3, long arg4,
                             long arg5)
{
    register long r10 __asm__("r10") = arg3;
    register long r8 __asm__("r8") = arg4;
    register long r9 __asm__("r9") = arg5;
    long ret;

    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "0"(nr), "D"(arg0), "S"(arg1), "d"(arg2), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}

/*
 * A system call on messages: info in rsi, six words in rdx r10 r8 r9 r12 r13, extra in r14; all come back
 */
static inline long __message_call(long nr, long handle, unsigned long *info, unsigned long word[6], unsigned long *extra)
{
    register unsigned long r10 __asm__("r10") = word[1];
    register unsigned long r8 __asm__("r8") = word[2];
    register unsigned long r9 __asm__("r9") = word[3];
    register unsigned long r12 __asm__("r12") = word[4];
    register unsigned long r13 __asm__("r13") = word[5];
    register unsigned long r14 __asm__("r14") = *extra;
    long ret = nr;

    __asm__ volatile("syscall"
                     : "+a"(ret), "+D"(handle), "+S"(*info), "+d"(word[0]), "+r"(r10), "+r"(r8), "+r"(r9), "+r"(r12),
                       "+r"(r13), "+r"(r14)
                     :
                     : "rcx", "r11", "memory");
    word[1] = r10, word[2] = r8, word[3] = r9, word[4] = r12, word[5] = r13, *extra = r14;
    return ret;
}
