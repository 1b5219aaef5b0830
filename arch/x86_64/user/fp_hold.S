/* SPDX-License-Identifier: MIT */
/*
 * fp_hold(rdi = in, rsi = out, rdx = spin, rcx = call): see <quire/fp.h>. The callee may use all vector registers.
 * Without AVX the upper halves don't exist: their bytes are copied from in to out.
 */
#include <quire/asm.h>

#define CPUID1_ECX_OSXSAVE_AVX 0x18000000

    .text
FUNC(fp_hold)
    pushq %rbx
    movq %rcx, %r8
    movq %rdx, %r9
    movl $1, %eax
    cpuid
    andl $CPUID1_ECX_OSXSAVE_AVX, %ecx
    cmpl $CPUID1_ECX_OSXSAVE_AVX, %ecx
    sete %bl
    jne 1f
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovdqu (32 * \n)(%rdi), %ymm\n
    .endr
    jmp 2f
1:  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups (32 * \n)(%rdi), %xmm\n
    movq (32 * \n + 16)(%rdi), %rax
    movq %rax, (32 * \n + 16)(%rsi)
    movq (32 * \n + 24)(%rdi), %rax
    movq %rax, (32 * \n + 24)(%rsi)
    .endr
2:  xorl %eax, %eax
    xorl %edi, %edi /* argument 0 of the call */
    testq %r8, %r8
    js 4f
    movq %r8, %rax
    syscall
    jmp 5f
3:  decq %r9
4:  testq %r9, %r9
    jg 3b
5:  testb %bl, %bl
    jz 6f
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovdqu %ymm\n, (32 * \n)(%rsi)
    .endr
    vzeroupper
    jmp 7f
6:  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups %xmm\n, (32 * \n)(%rsi)
    .endr
7:  popq %rbx
    ret
END(fp_hold)

    .section .note.GNU-stack, "", @progbits
