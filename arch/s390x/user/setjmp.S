/* SPDX-License-Identifier: MIT */
/* setjmp and longjmp: the callee-saved registers of the ELF ABI, r6-r15 and f8-f15. */
#include <quire/asm.h>

    .text
FUNC(setjmp)
    stmg %r6, %r15, 0(%r2)
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    std %f\n, 80 + 8 * (\n - 8)(%r2)
    .endr
    lghi %r2, 0
    br %r14
END(setjmp)
FUNC(longjmp)
    lmg %r6, %r15, 0(%r2)
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    ld %f\n, 80 + 8 * (\n - 8)(%r2)
    .endr
    ltgfr %r2, %r3
    bnzr %r14
    lghi %r2, 1 /* never 0 */
    br %r14
END(longjmp)

    .section .note.GNU-stack, "", %progbits
