/* SPDX-License-Identifier: MIT */
/* A program's first instruction: rdi = argc, rsi = argv, rsp 8 below a multiple of 16. */
    .section .text.head, "ax"
    .globl _start
_start:
    xorl %ebp, %ebp
    subq $8, %rsp
    call __libc_start
    ud2

    .section .note.GNU-stack, "", @progbits
