/* SPDX-License-Identifier: MIT */
/* fp_hold(a0 = in, a1 = out, a2 = spin, a3 = call): see <quire/fp.h>. */
#include <quire/asm.h>

    .text
FUNC(fp_hold)
    addi sp, sp, -96 /* fs0-fs11 belong to the caller */
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    fsd fs\n, (8 * \n)(sp)
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fld f\n, (8 * \n)(a0)
    .endr
    li a0, 0
    bltz a3, 2f
    mv a7, a3
    ecall
    j 3f
1:  addi a2, a2, -1
2:  bgtz a2, 1b
3:  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fsd f\n, (8 * \n)(a1)
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    fld fs\n, (8 * \n)(sp)
    .endr
    addi sp, sp, 96
    ret
END(fp_hold)

    .section .note.GNU-stack, "", %progbits
