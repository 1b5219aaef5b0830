/* SPDX-License-Identifier: MIT */
/* fp_hold(r2 = in, r3 = out, r4 = spin, r5 = call): see <quire/fp.h>. VLM and VSTM move 16 registers each. */
#include <quire/asm.h>

    .text
FUNC(fp_hold)
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    std %f\n, (16 + 8 * (\n - 8))(%r15) /* f8-f15 belong to the caller; this is the room for r2-r9 */
    .endr
    vlm %v0, %v15, 0(%r2)
    vlm %v16, %v31, 256(%r2)
    lghi %r2, 0
    ltgr %r5, %r5
    jl 2f
    lgr %r1, %r5
    svc 0
    j 3f
2:  ltgr %r4, %r4
    jle 3f
1:  brctg %r4, 1b
3:  vstm %v0, %v15, 0(%r3)
    vstm %v16, %v31, 256(%r3)
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    ld %f\n, (16 + 8 * (\n - 8))(%r15)
    .endr
    br %r14
END(fp_hold)

    .section .note.GNU-stack, "", %progbits
