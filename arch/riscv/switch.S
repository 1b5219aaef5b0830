/* SPDX-License-Identifier: MIT */
/* Switch between kernel contexts: the callee-saved registers (RISC-V ELF psABI 2.1) on the stack. */
#include <quire/asm.h>

#define SSTATUS_FS_INITIAL (1 << 13)

    .text
/* void arch_switch(struct arch_context *prev, struct arch_context *next) */
FUNC(arch_switch)
    addi sp, sp, -112
    sd ra, 0(sp)
    sd s0, 8(sp)
    sd s1, 16(sp)
    sd s2, 24(sp)
    sd s3, 32(sp)
    sd s4, 40(sp)
    sd s5, 48(sp)
    sd s6, 56(sp)
    sd s7, 64(sp)
    sd s8, 72(sp)
    sd s9, 80(sp)
    sd s10, 88(sp)
    sd s11, 96(sp)
    sd sp, 0(a0)
    ld sp, 0(a1)
    /* End a reservation of the old thread; otherwise an sc of the next thread could succeed by it. */
    addi t0, sp, 104
    sc.d zero, zero, (t0)
    ld ra, 0(sp)
    ld s0, 8(sp)
    ld s1, 16(sp)
    ld s2, 24(sp)
    ld s3, 32(sp)
    ld s4, 40(sp)
    ld s5, 48(sp)
    ld s6, 56(sp)
    ld s7, 64(sp)
    ld s8, 72(sp)
    ld s9, 80(sp)
    ld s10, 88(sp)
    ld s11, 96(sp)
    addi sp, sp, 112
    ret
END(arch_switch)

/* First code of a new context: s1 = fn, s2 = arg (arch_context_init). */
FUNC(context_start)
    mv a0, s2
    li s0, 0
    jalr s1
    unimp
END(context_start)

/* vaddr_t arch_frame_pointer(void): a C function would return its own, which ends with it */
FUNC(arch_frame_pointer)
    mv a0, s0
    ret
END(arch_frame_pointer)

    .option push
    .option arch, +d
/* void arch_fpu_save(struct arch_fpu *), void arch_fpu_restore(const struct arch_fpu *) */
FUNC(arch_fpu_save)
    li t0, SSTATUS_FS_INITIAL /* the interrupted thread may not have had the right to use them */
    csrs sstatus, t0
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fsd f\n, 8 * \n(a0)
    .endr
    frcsr t0
    sd t0, 256(a0)
    ret
END(arch_fpu_save)
FUNC(arch_fpu_restore)
    li t0, SSTATUS_FS_INITIAL
    csrs sstatus, t0
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fld f\n, 8 * \n(a0)
    .endr
    ld t0, 256(a0)
    fscsr t0
    ret
END(arch_fpu_restore)
    .option pop

    .section .note.GNU-stack, "", %progbits
