/* SPDX-License-Identifier: MIT */
/* A program's first instruction: rdi = argc, rsi = argv, rsp aligned to 16. */
    .section .text.head, "ax"
    .globl _start
_start:
    xorl %ebp, %ebp
    call __libc_start
    ud2

    .section .note.GNU-stack, "", @progbits
