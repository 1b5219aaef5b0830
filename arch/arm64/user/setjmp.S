/* SPDX-License-Identifier: MIT */
/* setjmp and longjmp: the callee-saved registers of AAPCS64 6.1, integer and floating point. */
#include <quire/asm.h>

.macro EACH pair, single
    \pair x19, x20, [x0, #0]
    \pair x21, x22, [x0, #16]
    \pair x23, x24, [x0, #32]
    \pair x25, x26, [x0, #48]
    \pair x27, x28, [x0, #64]
    \pair x29, x30, [x0, #80]
    \pair d8, d9, [x0, #96]
    \pair d10, d11, [x0, #112]
    \pair d12, d13, [x0, #128]
    \pair d14, d15, [x0, #144]
    \single x2, [x0, #160]
.endm

    .text
FUNC(setjmp)
    mov x2, sp
    EACH stp, str
    mov x0, #0
    ret
END(setjmp)
FUNC(longjmp)
    EACH ldp, ldr
    mov sp, x2
    cmp w1, #0
    csinc w0, w1, wzr, ne /* never 0 */
    ret
END(longjmp)

    .section .note.GNU-stack, "", %progbits
