/* SPDX-License-Identifier: MIT */
/* A program's first instruction: r2 = argc, r3 = argv, a save area for the first call at r15. */
    .section .text.head, "ax"
    .globl _start
_start:
    xc 0(8, %r15), 0(%r15) /* the end of every backtrace */
    brasl %r14, __libc_start
    .insn e, 0x0000

    .section .note.GNU-stack, "", %progbits
