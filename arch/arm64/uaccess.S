/* SPDX-License-Identifier: MIT */
/*
 * Copies between kernel and user memory, by the unprivileged loads and stores: they have the rights of EL0 whatever
 * PSTATE.PAN says (Arm ARM, "Load/store unprivileged"), so the page tables themselves refuse a kernel address that is
 * passed as a user address. Contract: <arch-generic/uaccess.h>. x0 = to, x1 = from, x2 = bytes; returns the bytes not
 * copied.
 *
 * During a step x2 still holds the bytes that were left before the step. So after a fault in a step, the copy continues
 * with single bytes from the start of this step; a fault in a single byte gives the exact number.
 */
#include <quire/asm.h>

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
    subs x3, x2, #64
    b.lo 2f
1:  USER ldtr x4, [x1, #0]
    USER ldtr x5, [x1, #8]
    USER ldtr x6, [x1, #16]
    USER ldtr x7, [x1, #24]
    USER ldtr x8, [x1, #32]
    USER ldtr x9, [x1, #40]
    USER ldtr x10, [x1, #48]
    USER ldtr x11, [x1, #56]
    stp x4, x5, [x0, #0]
    stp x6, x7, [x0, #16]
    stp x8, x9, [x0, #32]
    stp x10, x11, [x0, #48]
    add x0, x0, #64
    add x1, x1, #64
    mov x2, x3
    subs x3, x3, #64
    b.hs 1b
2:  subs x3, x2, #8
    b.lo 10f
3:  USER ldtr x4, [x1]
    str x4, [x0], #8
    add x1, x1, #8
    mov x2, x3
    subs x3, x3, #8
    b.hs 3b
10: cbz x2, 20f
    BYTE ldtrb w4, [x1]
    strb w4, [x0], #1
    add x1, x1, #1
    sub x2, x2, #1
    b 10b
20: mov x0, x2
    ret
END(arch_copy_from_user)

FUNC(arch_copy_to_user)
    subs x3, x2, #64
    b.lo 2f
1:  ldp x4, x5, [x1, #0]
    ldp x6, x7, [x1, #16]
    ldp x8, x9, [x1, #32]
    ldp x10, x11, [x1, #48]
    USER sttr x4, [x0, #0]
    USER sttr x5, [x0, #8]
    USER sttr x6, [x0, #16]
    USER sttr x7, [x0, #24]
    USER sttr x8, [x0, #32]
    USER sttr x9, [x0, #40]
    USER sttr x10, [x0, #48]
    USER sttr x11, [x0, #56]
    add x0, x0, #64
    add x1, x1, #64
    mov x2, x3
    subs x3, x3, #64
    b.hs 1b
2:  subs x3, x2, #8
    b.lo 10f
3:  ldr x4, [x1]
    USER sttr x4, [x0]
    add x0, x0, #8
    add x1, x1, #8
    mov x2, x3
    subs x3, x3, #8
    b.hs 3b
10: cbz x2, 20f
    ldrb w4, [x1]
    BYTE sttrb w4, [x0]
    add x0, x0, #1
    add x1, x1, #1
    sub x2, x2, #1
    b 10b
20: mov x0, x2
    ret
END(arch_copy_to_user)

    .section .note.GNU-stack, "", %progbits
