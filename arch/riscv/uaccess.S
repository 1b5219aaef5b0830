/* SPDX-License-Identifier: MIT */
/*
 * Copies between kernel and user memory, the only code that runs with sstatus.SUM set. Contract:
 * <arch-generic/uaccess.h>. a0 = to, a1 = from, a2 = bytes; returns the bytes not copied.
 *
 * During a step a2 still holds the bytes that were left before the step, and it changes only when all stores of the
 * step are done. So after a fault in a step of 64 bytes, the copy continues with single bytes from the start of this
 * step; a fault in a single byte gives the exact number.
 */
#include <quire/asm.h>

#define SSTATUS_SUM (1 << 18)

.macro USER insn:vararg
100: \insn
    EXTABLE(100b, 10f)
.endm
.macro BYTE insn:vararg
101: \insn
    EXTABLE(101b, 20f)
.endm

    .text
FUNC(arch_copy_from_user)
    .globl arch_copy_to_user
    .type arch_copy_to_user, @function
arch_copy_to_user:
    li t6, SSTATUS_SUM
    csrs sstatus, t6
    or t0, a0, a1
    andi t0, t0, 7
    bnez t0, 10f
    li t5, 64
1:  bltu a2, t5, 2f
    USER ld t0, 0(a1)
    USER ld t1, 8(a1)
    USER ld t2, 16(a1)
    USER ld t3, 24(a1)
    USER sd t0, 0(a0)
    USER sd t1, 8(a0)
    USER sd t2, 16(a0)
    USER sd t3, 24(a0)
    USER ld t0, 32(a1)
    USER ld t1, 40(a1)
    USER ld t2, 48(a1)
    USER ld t3, 56(a1)
    USER sd t0, 32(a0)
    USER sd t1, 40(a0)
    USER sd t2, 48(a0)
    USER sd t3, 56(a0)
    addi a0, a0, 64
    addi a1, a1, 64
    addi a2, a2, -64
    j 1b
2:  li t5, 8
3:  bltu a2, t5, 10f
    USER ld t0, 0(a1)
    USER sd t0, 0(a0)
    addi a0, a0, 8
    addi a1, a1, 8
    addi a2, a2, -8
    j 3b
10: li t6, SSTATUS_SUM /* the fault's handler cleared it */
    csrs sstatus, t6
11: beqz a2, 20f
    BYTE lbu t0, 0(a1)
    BYTE sb t0, 0(a0)
    addi a0, a0, 1
    addi a1, a1, 1
    addi a2, a2, -1
    j 11b
20: li t6, SSTATUS_SUM
    csrc sstatus, t6
    mv a0, a2
    ret
END(arch_copy_from_user)

    .section .note.GNU-stack, "", %progbits
