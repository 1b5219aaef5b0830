/* SPDX-License-Identifier: MIT */
/*
 * The only instructions that touch user memory, between STAC and CLAC where the CPU has SMAP (Intel SDM 3A 4.6). AC
 * isn't set inside a trap's handler: entry clears it, IRET restores it.
 *
 * Plain loads and stores rather than REP MOVSB: under -icount each iteration of REP counts, and a fault must leave an
 * exact count. RAX is the number of bytes left, RSI and RDI are the next addresses; all three change only after a whole
 * step. So after a fault in a large step the copy continues with single bytes from the start of this step; a fault in a
 * single byte ends the copy. Only accesses to the user's side have exits: a fault on the kernel's side is a bug.
 */
#include <quire/asm.h>
#include "asm_offsets.h"

.macro user_access instruction
    cmpb $0, cpu_features + FEATURES_SMAP(%rip)
    je 99f
    \instruction
99:
.endm

/* Up to 8 bytes from RSI to RDI; `load_exit`, `store_exit`: 1 where that side is the user's. */
.macro move8 offset, register, from_user
    .if \from_user
    EXTABLE(77f, 4f)
    .else
    EXTABLE(78f, 4f)
    .endif
77: movq \offset(%rsi), \register
78: movq \register, \offset(%rdi)
.endm

.macro copy from_user
    user_access stac
    movq %rdx, %rax
    cmpq $64, %rax
    jb 2f
1:  move8 0, %rcx, \from_user
    move8 8, %r8, \from_user
    move8 16, %r9, \from_user
    move8 24, %r10, \from_user
    move8 32, %rcx, \from_user
    move8 40, %r8, \from_user
    move8 48, %r9, \from_user
    move8 56, %r10, \from_user
    addq $64, %rsi
    addq $64, %rdi
    subq $64, %rax
    cmpq $64, %rax
    jae 1b
2:  cmpq $8, %rax
    jb 4f
3:  move8 0, %rcx, \from_user
    addq $8, %rsi
    addq $8, %rdi
    subq $8, %rax
    cmpq $8, %rax
    jae 3b
4:  testq %rax, %rax
    jz 6f
5:
    .if \from_user
    EXTABLE(77f, 6f)
    .else
    EXTABLE(78f, 6f)
    .endif
77: movb (%rsi), %cl
78: movb %cl, (%rdi)
    incq %rsi
    incq %rdi
    decq %rax
    jnz 5b
6:  user_access clac
    ret
.endm

    .text
/* size_t arch_copy_from_user(void *to, const void __user *from, size_t n) */
FUNC(arch_copy_from_user)
    copy 1
END(arch_copy_from_user)

/* size_t arch_copy_to_user(void __user *to, const void *from, size_t n) */
FUNC(arch_copy_to_user)
    copy 0
END(arch_copy_to_user)

    .section .note.GNU-stack, "", @progbits
