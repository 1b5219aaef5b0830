/* SPDX-License-Identifier: MIT */
/* A program's first instruction: x0 = argc, x1 = argv, sp aligned to 16. */
    .section .text.head, "ax"
    .globl _start
_start:
    mov x29, xzr
    mov x30, xzr
    bl __libc_start
    brk #0

    .section .note.GNU-stack, "", %progbits
