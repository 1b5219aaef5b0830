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
