/* SPDX-License-Identifier: MIT */
/* setjmp and longjmp: the callee-saved registers of the psABI, integer and floating point. */
#include <quire/asm.h>

.macro EACH op, fop
    \op ra, 0(a0)
    \op sp, 8(a0)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    \op s\n, (16 + 8 * \n)(a0)
    \fop fs\n, (112 + 8 * \n)(a0)
    .endr
.endm

    .text
FUNC(setjmp)
    EACH sd, fsd
    li a0, 0
    ret
END(setjmp)
FUNC(longjmp)
    EACH ld, fld
    seqz a0, a1
    add a0, a0, a1 /* never 0 */
    ret
END(longjmp)

    .section .note.GNU-stack, "", %progbits
