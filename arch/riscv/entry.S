/* SPDX-License-Identifier: MIT */
/*
 * From OpenSBI to C. Entered in S-mode with translation off, a0 = hart id, a1 = device tree; it may be any hart. The
 * file starts with the Image header that `booti` expects (Linux boot protocol for RISC-V), so that the same file boots
 * through U-Boot.
 */
#include <quire/asm.h>
#include <arch/layout.h>
#include "asm_offsets.h"

#define SATP_SV39 (8 << 60)
#define LEAF_RWX 0xcf /* V R W X A D */

    .section .text.head, "ax"
    .globl _start
_start:
    .option push
    .option norvc /* a compressed jump would shift the header */
    j 1f
    .option pop
    .balign 4
    .word 0
    .dword 0x200000              /* text_offset: distance from RAM's start */
    .dword __image_end - _start  /* size with .bss */
    .dword 0                     /* flags: little endian */
    .word 2                      /* header version 0.2 */
    .word 0
    .dword 0
    .ascii "RISCV\0\0\0"
    .ascii "RSC\x05"
    .word 0

1:  rdinstret s2
    csrw sie, zero
    la t0, boot_hart_came
    li t1, 1
    amoswap.w.aqrl t1, t1, (t0)
    bnez t1, started_at_the_wrong_place
    mv s0, a0
    mv s1, a1
    la t0, __bss_start
    la t1, __bss_end
2:  sd zero, 0(t0) /* .bss is page-aligned at its end: eight at a time would need a second loop */
    sd zero, 8(t0)
    addi t0, t0, 16
    bltu t0, t1, 2b
    call enter_high_half
    la sp, boot_stack_top
    la tp, percpu_area
    csrw sscratch, zero
    la t0, trap_entry
    csrw stvec, t0
    mv a0, s0
    mv a1, s1
    mv a2, s2
    li s0, 0 /* the end of every backtrace */
    call boot_main
    unimp

/*
 * A hart started by arch_cpu_start(): a0 = hart id, a1 = its struct percpu (link address).
 */
FUNC(secondary_entry)
    mv s1, a1
    csrw sie, zero
    call enter_high_half
secondary_in_high_half:
    mv tp, s1
    ld sp, PERCPU_EMERGENCY_SP(tp) /* in the image; the boot tables don't know kernel stacks */
    csrw sscratch, zero
    la t0, trap_entry
    csrw stvec, t0
    li s0, 0
    call secondary_paging
    ld sp, PERCPU_KERNEL_SP(tp)
    call secondary_main
    unimp
END(secondary_entry)

/*
 * Older OpenSBI (1.1, lib/sbi/sbi_hsm.c, sbi_hsm_hart_start()) changes a hart's state before it writes the hart's start
 * address. A hart that is awake at that moment starts at the boot hart's address instead. Such a hart waits here until
 * arch_cpu_start() names it in hart_starting, and then goes on as if it had started at secondary_entry.
 */
started_at_the_wrong_place:
    call enter_high_half
1:  ld s1, hart_starting
    beqz s1, 1b
    ld t0, PERCPU_HWID(s1)
    bne t0, a0, 1b
    j secondary_in_high_half

    .section .data
    .balign 4
boot_hart_came: /* not in .bss, which the boot hart clears */
    .word 0
    .section .text.head, "ax"

/* Turn on translation with the boot tables and return to the caller's link address. Clobbers t0-t2. */
enter_high_half:
    la t0, boot_root
    srli t0, t0, 12
    li t1, SATP_SV39
    or t0, t0, t1
    li t2, KERNEL_VA_OFFSET
    add ra, ra, t2
    sfence.vma
    csrw satp, t0
    sfence.vma
    ret

/*
 * Boot tables: 1 GiB leaves. RAM's first GiB at its own address (to survive the switch), eight GiB of
 * physical memory in the direct map window, and the GiB of the image at its link address.
 */
    .data
    .balign 4096
boot_root:
    .dword 0, 0
    .dword (0x80000000 >> 2) | LEAF_RWX
    .fill 253, 8, 0
    .set gib, 0
    .rept 8
    .dword (gib << 28) | LEAF_RWX /* (gib * 1 GiB) / 4096 << 10 */
    .set gib, gib + 1
    .endr
    .fill 510 - 264, 8, 0
    .dword (0x80000000 >> 2) | LEAF_RWX
    .dword 0

    .bss
    .balign 2 * KSTACK_BYTES
    .globl boot_stack, boot_stack_top
boot_stack:
    .space KSTACK_BYTES
boot_stack_top:

    .section .note.GNU-stack, "", %progbits
