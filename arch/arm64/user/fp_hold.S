/* SPDX-License-Identifier: MIT */
/* fp_hold(x0 = in, x1 = out, x2 = spin, x3 = call): see <quire/fp.h>. */
#include <quire/asm.h>

.macro ALL op, base
    .irp n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
    PAIR \op, \n, %(\n + 1), \base
    .endr
.endm
.macro PAIR op, low, high, base
    \op q\low, q\high, [\base, #(16 * \low)]
.endm

    .altmacro
    .text
FUNC(fp_hold)
    stp d8, d9, [sp, #-64]! /* the lower halves of v8-v15 belong to the caller */
    stp d10, d11, [sp, #16]
    stp d12, d13, [sp, #32]
    stp d14, d15, [sp, #48]
    ALL ldp, x0
    mov x0, #0
    tbnz x3, #63, 2f
    mov x8, x3
    svc #0
    b 3f
1:  sub x2, x2, #1
2:  cmp x2, #0
    b.gt 1b
3:  ALL stp, x1
    ldp d10, d11, [sp, #16]
    ldp d12, d13, [sp, #32]
    ldp d14, d15, [sp, #48]
    ldp d8, d9, [sp], #64
    ret
END(fp_hold)

    .section .note.GNU-stack, "", %progbits
