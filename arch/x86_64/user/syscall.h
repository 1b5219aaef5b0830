/* SPDX-License-Identifier: MIT */
/*
 * The system-call instruction: number in rax, arguments in rdi rsi rdx r10 r8 r9, result in rax.
 * SYSCALL itself takes rcx and r11; all other registers stay.
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
 * A system call on messages: info in rsi, six words in rbx, r12-r15 and r8, extra in rdx; all come back. Most words are
 * in registers that functions keep, because they stay there on the shortest way through the kernel.
 */
static inline long __message_call(long nr, long handle, unsigned long *info, unsigned long word[6],
                                  unsigned long *extra)
{
    register unsigned long r12 __asm__("r12") = word[1];
    register unsigned long r13 __asm__("r13") = word[2];
    register unsigned long r14 __asm__("r14") = word[3];
    register unsigned long r15 __asm__("r15") = word[4];
    register unsigned long r8 __asm__("r8") = word[5];
    long ret = nr;

    __asm__ volatile("syscall"
                     : "+a"(ret), "+D"(handle), "+S"(*info), "+b"(word[0]), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15),
                       "+r"(r8), "+d"(*extra)
                     :
                     : "rcx", "r9", "r10", "r11", "memory");
    word[1] = r12, word[2] = r13, word[3] = r14, word[4] = r15, word[5] = r8;
    return ret;
}
