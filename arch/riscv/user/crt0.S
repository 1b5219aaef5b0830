/* SPDX-License-Identifier: MIT */
/* A program's first instruction: a0 = argc, a1 = argv, sp aligned to 16. */
    .section .text.head, "ax"
    .globl _start
_start:
    li s0, 0
    call __libc_start
    unimp

    .section .note.GNU-stack, "", %progbits
