/* SPDX-License-Identifier: MIT */
/*
 * From firmware to C (arm64 boot protocol, as QEMU's -kernel and U-Boot's booti speak it): entered at EL1 or EL2 with
 * translation off, x0 = device tree. This code relies on no other value that the firmware left in system registers: it
 * sets DAIF, SCTLR and the tables itself, in the same way on every CPU.
 *
 * Until translation is on, nothing is stored to memory: it would bypass the caches.
 */
#include <quire/asm.h>
#include <arch/layout.h>
#include <arch/sysreg.h>
#include "asm_offsets.h"

    .section .text.head, "ax"
    .globl _start
_start:
    b boot_entry
    nop
    .quad 0x200000             /* text_offset: distance from RAM's start */
    .quad __image_end - _start /* size with .bss */
    .quad 2                    /* flags: little endian, 4 KiB pages, exactly at text_offset */
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .word 0

boot_entry:
    mov x19, x0
    bl enter_el1
    bl enter_high_half
    adrp x0, __bss_start
    add x0, x0, :lo12:__bss_start
    adrp x1, __bss_end
    add x1, x1, :lo12:__bss_end
1:  stp xzr, xzr, [x0], #16
    cmp x0, x1
    b.lo 1b
    adrp x0, boot_stack_top
    add sp, x0, :lo12:boot_stack_top
    adrp x0, percpu_area
    add x0, x0, :lo12:percpu_area
    msr tpidr_el1, x0
    bl leave_identity_map
    mov x0, x19
    mov x1, x20
    mov x29, xzr /* the end of every backtrace */
    mov x30, xzr
    bl boot_main
    brk #0

/* A CPU started by arch_cpu_start(): x0 = its struct percpu (link address). */
FUNC(secondary_entry)
    mov x19, x0
    bl enter_el1
    bl enter_high_half
    msr tpidr_el1, x19
    adrp x0, arm64_kernel_table
    ldr x0, [x0, :lo12:arm64_kernel_table]
    bl arm64_replace_kernel_table
    ldr x0, [x19, #PERCPU_KERNEL_SP] /* in KVMAP, which the boot table doesn't map */
    mov sp, x0
    mov x29, xzr
    mov x30, xzr
    bl secondary_main
    brk #0
END(secondary_entry)

/*
 * Masks interrupts, and goes down to EL1 if the CPU is at EL2; EL1 gets all rights, and nothing traps to EL2. Returns
 * at EL1h with translation off. Clobbers x0-x2.
 */
enter_el1:
    msr daifset, #0xf
    ldr x0, =SCTLR_MMU_OFF
    msr sctlr_el1, x0
    isb
    mrs x0, currentel
    cmp x0, #2 << 2
    b.ne 2f
    ldr x0, =HCR_RW_APK_API
    msr hcr_el2, x0
    mov x0, #CPTR_EL2_NO_FP_TRAP
    msr cptr_el2, x0
    mov x0, #CNTHCTL_EL1_ALL
    msr cnthctl_el2, x0
    msr cntvoff_el2, xzr
    msr vttbr_el2, xzr
    msr hstr_el2, xzr
    mrs x0, midr_el1
    msr vpidr_el2, x0
    mrs x0, mpidr_el1
    msr vmpidr_el2, x0
    mrs x0, id_aa64dfr0_el1 /* MDCR_EL2.HPMN: all performance counters belong to EL1 */
    ubfx x1, x0, #DFR0_PMUVER_SHIFT, #4
    sub x1, x1, #1 /* 0: no counters; 15: not the architecture's */
    mov x2, xzr
    cmp x1, #14
    b.hs 1f
    mrs x2, pmcr_el0
    ubfx x2, x2, #11, #5
1:  msr mdcr_el2, x2
    mrs x0, id_aa64pfr0_el1
    ubfx x0, x0, #PFR0_GIC_SHIFT, #4
    cbz x0, 1f
    mov x0, #ICC_SRE_EL2_ALL
    msr S3_4_C12_C9_5, x0 /* ICC_SRE_EL2 */
    isb
    msr S3_4_C12_C11_0, xzr /* ICH_HCR_EL2 */
1:  mov x0, #PSR_DAIF | PSR_MODE_EL1H
    msr spsr_el2, x0
    msr elr_el2, x30
    eret
2:  ret

/*
 * Starts the cycle counter (x20 = its first value), turns on translation with the boot tables and
 * returns to the caller's link address. Clobbers x0-x3.
 */
enter_high_half:
    mrs x0, id_aa64dfr0_el1
    ubfx x0, x0, #DFR0_PMUVER_SHIFT, #4
    sub x0, x0, #1
    cmp x0, #14
    b.hs 1f
    mov x0, #PMCR_E | PMCR_C | PMCR_LC
    msr pmcr_el0, x0
    mov x0, #PMCNTENSET_C
    msr pmcntenset_el0, x0
    msr pmccfiltr_el0, xzr
    isb
    mrs x20, pmccntr_el0
    b 2f
1:  mrs x20, cntvct_el0

2:  mov x0, #MAIR_VALUE
    msr mair_el1, x0
    ldr x0, =TCR_VALUE
    mrs x1, id_aa64mmfr0_el1 /* PARange is encoded as TCR_EL1.IPS; beyond 48 bits needs LPA2 */
    and x1, x1, #0xf
    mov x2, #TCR_IPS_48_BITS
    cmp x1, x2
    csel x1, x1, x2, lo
    bfi x0, x1, #TCR_IPS_SHIFT, #3
    mrs x1, id_aa64mmfr1_el1 /* HAFDBS: 1 = access flag, 2 = access flag and dirty state */
    ubfx x1, x1, #MMFR1_HAFDBS_SHIFT, #4
    cmp x1, #1
    cset x2, hs
    cset x3, hi
    bfi x0, x2, #TCR_HA_SHIFT, #1
    bfi x0, x3, #TCR_HD_SHIFT, #1
    msr tcr_el1, x0
    adrp x0, boot_table
    msr ttbr0_el1, x0
    msr ttbr1_el1, x0
    isb
    tlbi vmalle1
    ic iallu
    dsb nsh
    isb
    ldr x0, =SCTLR_MMU_ON
    mrs x1, id_aa64mmfr1_el1
    ubfx x1, x1, #MMFR1_PAN_SHIFT, #4
    cmp x1, #0
    mov x2, #SCTLR_SPAN
    bic x2, x0, x2
    csel x0, x0, x2, eq
    msr sctlr_el1, x0
    isb
    ldr x0, =KERNEL_VA_OFFSET
    add x30, x30, x0
    ret

/* From here on address 0 is unmapped, and traps go to the kernel. Clobbers x0, x1. */
leave_identity_map:
    adrp x0, trap_vectors
    add x0, x0, :lo12:trap_vectors
    msr vbar_el1, x0
    adrp x0, empty_table
    ldr x1, =KERNEL_VA_OFFSET
    sub x0, x0, x1
    msr ttbr0_el1, x0
    isb
    tlbi vmalle1
    dsb nsh
    isb
    ret

/*
 * void arm64_replace_kernel_table(u64 table): a physical address. Uses no stack.
 *
 * The tables that map the running code can't simply be exchanged, because the sizes of blocks differ: the TLB must lose
 * an entry before there is another entry for the same address (Arm ARM, "Using break-before-make"). So the code moves
 * to the boot table's identity mapping in TTBR0_EL1 for the exchange.
 */
FUNC(arm64_replace_kernel_table)
    ldr x4, =KERNEL_VA_OFFSET
    adrp x1, boot_table
    sub x1, x1, x4
    adrp x2, empty_table
    sub x2, x2, x4
    msr ttbr0_el1, x1
    isb
    adr x3, 1f
    sub x3, x3, x4
    br x3
1:  msr ttbr1_el1, x2
    isb
    tlbi vmalle1
    dsb nsh
    isb
    msr ttbr1_el1, x0
    isb
    adr x3, leave_identity_map
    add x3, x3, x4
    br x3
END(arm64_replace_kernel_table)
    .ltorg

/*
 * The boot table serves both halves, with blocks of 1 GiB, and is constant. Entries 0 to 63 are
 * physical memory from 0: in the upper half the window's first 64 GiB, in the lower half the identity mapping. Entry
 * 510 is the image's GiB. The virt machine has devices in the first GiB and RAM from there on.
 */
/* A block: type, MAIR index, inner shareable, access flag. */
#define BOOT_BLOCK(index) (1 | (index) << 2 | 3 << 8 | 1 << 10)
#define BOOT_GIB 64 /* boot/arm64.c relies on it */
#define BOOT_UXN (1 << 54)
#define BOOT_PXN (1 << 53)
    .section .rodata
    .balign 4096
    .globl boot_table
boot_table:
    .quad BOOT_BLOCK(MAIR_DEVICE_INDEX) | BOOT_UXN | BOOT_PXN
    .set gib, 1
    .rept BOOT_GIB - 1
    .quad BOOT_BLOCK(MAIR_NORMAL_INDEX) | BOOT_UXN | gib << 30
    .set gib, gib + 1
    .endr
    .fill 510 - BOOT_GIB, 8, 0
    .quad BOOT_BLOCK(MAIR_NORMAL_INDEX) | BOOT_UXN | 1 << 30
    .quad 0
    .globl empty_table
empty_table:
    .fill 512, 8, 0

    .bss
    .balign 2 * KSTACK_BYTES
    .globl boot_stack, boot_stack_top
boot_stack:
    .space KSTACK_BYTES
boot_stack_top:

    .section .note.GNU-stack, "", %progbits
