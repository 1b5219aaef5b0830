/* SPDX-License-Identifier: MIT */
/*
 * From firmware to C, and from the trampoline to C on the other CPUs.
 *
 * The boot loader of QEMU enters at pvh_start (PVH: the note below; Xen's x86 boot ABI): 32-bit
 * protected mode without paging, flat segments, EBX = physical address of the start info.
 * All code up to the jump to 64-bit code runs at physical addresses, so it uses PHYS(symbol).
 *
 * Boot page tables, 2 MiB pages, every access allowed:
 *   physical 0..8 GiB at 0 (for the code that turns paging on), the same at DIRECT_MAP_BASE (the window), and
 *   physical 0..1 GiB at KERNEL_VA_OFFSET (the image).
 * They are never freed, because a started CPU begins at an address that the kernel root doesn't map.
 */
#include <quire/asm.h>
#include <arch/layout.h>
#include <arch/regs.h>
#include "asm_offsets.h"

#define PHYS(symbol) (symbol - KERNEL_VA_OFFSET)
#define BOOT_GIB 8
#define TABLE_ENTRY 0x03 /* present, writable (SDM 3A 4.5) */
#define BLOCK_ENTRY 0x83 /* ... and a 2 MiB page */
#define TOP_INDEX(va) (((va) >> 39) & 511)

/* From 32-bit protected mode to compatibility mode, on the boot CPU and in the trampoline. */
.macro prepare_long_mode pml4
    movl $(CR4_PAE | CR4_PGE), %eax
    movl %eax, %cr4
    movl \pml4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $(EFER_LME | EFER_NXE), %eax
    wrmsr
    movl %cr0, %eax
    andl $~(CR0_EM | CR0_TS), %eax
    orl $(CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_PE), %eax
    movl %eax, %cr0
.endm

/* Long mode needs none of them. */
.macro clear_data_segments
    xorl %eax, %eax
    .irp segment, ds, es, fs, gs
    movl %eax, %\segment
    .endr
.endm

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18 /* name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long PHYS(pvh_start)

    .section .text.head, "ax"
    .code32
    .globl _start
_start:
FUNC(pvh_start)
    cli
    cld
    rdtsc
    movl %eax, %esi /* EBP:ESI: arch_cycles() at entry */
    movl %edx, %ebp

    movl $PHYS(__bss_start), %edi
    movl $PHYS(__bss_end), %ecx
    subl %edi, %ecx
    shrl $2, %ecx
    xorl %eax, %eax
    rep stosl

    movl $PHYS(boot_pml4), %edi
    movl $PHYS(boot_pdpt_low) + TABLE_ENTRY, %eax
    movl %eax, (%edi)
    movl %eax, 8 * TOP_INDEX(DIRECT_MAP_BASE)(%edi)
    movl $PHYS(boot_pdpt_high) + TABLE_ENTRY, 8 * TOP_INDEX(KERNEL_VA_OFFSET)(%edi)
    movl $PHYS(boot_pd) + TABLE_ENTRY, PHYS(boot_pdpt_high) + 8 * 510 /* the second last GiB */

    movl $PHYS(boot_pdpt_low), %edi
    movl $PHYS(boot_pd) + TABLE_ENTRY, %eax
    movl $BOOT_GIB, %ecx
1:  movl %eax, (%edi)
    addl $0x1000, %eax
    addl $8, %edi
    decl %ecx
    jnz 1b

    movl $PHYS(boot_pd), %edi /* 512 entries for each GiB */
    movl $BLOCK_ENTRY, %eax
    xorl %edx, %edx
    movl $(BOOT_GIB * 512), %ecx
2:  movl %eax, (%edi)
    movl %edx, 4(%edi)
    addl $0x200000, %eax
    adcl $0, %edx
    addl $8, %edi
    decl %ecx
    jnz 2b

    prepare_long_mode $PHYS(boot_pml4)
    lgdt PHYS(boot_gdt_pointer)
    ljmp $SEL_KERNEL_CODE, $PHYS(long_mode)

    .code64
long_mode:
    movabsq $high_half, %rax
    jmp *%rax
high_half:
    movl $SEL_KERNEL_DATA, %eax
    movl %eax, %ss
    clear_data_segments
    movl %ebx, %ebx /* the upper halves of registers are undefined after the switch */
    movl %esi, %r12d
    shlq $32, %rbp
    orq %rbp, %r12
    leaq boot_stack_top(%rip), %rsp
    xorl %ebp, %ebp /* the end of every backtrace */
    call cpu_early_init
    movq %rbx, %rdi
    movq %r12, %rsi
    call boot_main /* boot/x86_64.c; doesn't return */
    ud2
END(pvh_start)

/*
 * Where started CPUs begin: real mode, CS:IP = TRAMPOLINE_PA / 16 : 0. smp.c copies these bytes to
 * TRAMPOLINE_PA; hence the arithmetic on addresses.
 */
#define IN_PAGE(symbol) (symbol - trampoline_start)
    .section .rodata
    .code16
    .globl trampoline_start, trampoline_end
    .balign 16
trampoline_start:
    cli
    movw %cs, %ax
    movw %ax, %ds
    lgdtl IN_PAGE(trampoline_gdt_pointer)
    movl %cr0, %eax
    orl $CR0_PE, %eax
    movl %eax, %cr0
    ljmpl $SEL_BOOT_CODE32, $(TRAMPOLINE_PA + IN_PAGE(trampoline32))
    .code32
trampoline32:
    movl $SEL_KERNEL_DATA, %eax
    movl %eax, %ds
    movl %eax, %ss
    prepare_long_mode $PHYS(boot_pml4)
    ljmp $SEL_KERNEL_CODE, $(TRAMPOLINE_PA + IN_PAGE(trampoline64))
    .code64
trampoline64:
    movabsq $secondary_start, %rax
    jmp *%rax
    .balign 4
trampoline_gdt_pointer: /* the table is in this page too, because real mode can't reach the image */
    .word trampoline_end - trampoline_gdt - 1
    .long TRAMPOLINE_PA + IN_PAGE(trampoline_gdt)
    .balign 8
trampoline_gdt:
boot_gdt: /* the boot CPU takes it where the image has it */
    .quad 0, DESC_CODE64, DESC_DATA, DESC_CODE32
trampoline_end:

/* Now in the high half: load the kernel root first, then the stack, which only that root may map. */
    .text
FUNC(secondary_start)
    movq kernel_table(%rip), %rax
    movq %rax, %cr3
    movq starting_cpu(%rip), %rdi
    movq PERCPU_KERNEL_SP(%rdi), %rsp
    clear_data_segments
    xorl %ebp, %ebp
    call secondary_entry /* smp.c */
    ud2
END(secondary_start)

    .section .rodata
boot_gdt_pointer:
    .word trampoline_end - boot_gdt - 1
    .long PHYS(boot_gdt)

    .bss
    .globl boot_pml4, boot_stack, boot_stack_top
    .balign 4096
boot_pml4:
    .skip 4096
boot_pdpt_low:
    .skip 4096
boot_pdpt_high:
    .skip 4096
boot_pd:
    .skip BOOT_GIB * 4096

    .balign 2 * KSTACK_BYTES /* bit 14 of a stack pointer says whether it is in the stack or below it */
boot_stack:
    .skip KSTACK_BYTES
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
