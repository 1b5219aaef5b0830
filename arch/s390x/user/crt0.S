/* SPDX-License-Identifier: MIT */
/* A program's first instruction: r2 = argc, r3 = argv, r15 aligned to 16. */
    .section .text.head, "ax"
    .globl _start
_start:
    aghi %r15, -160 /* the save area of the function that we call */
    xc 0(8, %r15), 0(%r15)
    brasl %r14, __libc_start
    .insn e, 0x0000

    .section .note.GNU-stack, "", %progbits
