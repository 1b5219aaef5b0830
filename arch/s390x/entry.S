/* SPDX-License-Identifier: MIT */
/*
 * From IPL to C. Entered at 0x10000 in 64-bit mode with translation and interruptions off; either QEMU or the disk's
 * IPL record has loaded the image. The head has the layout of a Linux kernel's head, so QEMU (hw/s390x/ipl.c) knows
 * where to store the command line and the place of the initrd.
 *
 * Until there are page tables the CPU uses real addresses; the kernel's tables map the same addresses.
 */
#include <quire/asm.h>
#include <arch/layout.h>
#include <arch/psw.h>
#include "asm_offsets.h"

#define CMDLINE_BYTES 1024

    .section .text.head, "ax"
    .globl _start
_start:
    j start
    .org 0x008
    .ascii "S390EP"
    .byte 0, 1
    .org 0x408
    .globl head_initrd
head_initrd: /* address and bytes, 0 if there is none */
    .quad 0, 0
    .org 0x430
    .quad CMDLINE_BYTES
    .org 0x480
    .globl head_cmdline
head_cmdline:
    .space CMDLINE_BYTES

start:
    stckf LC_RETURN_PSW(%r0)
    lg %r6, LC_RETURN_PSW(%r0)
    larl %r1, early_psw
    mvc LC_PGM_NEW(16, %r0), 0(%r1)
    mvc LC_MCHECK_NEW(16, %r0), 0(%r1)

    larl %r2, __bss_start
    larl %r3, __bss_end
    sgr %r3, %r2
    lghi %r5, 0
1:  mvcle %r2, %r4, 0 /* a source of r5 = 0 bytes, padded with zeros; may stop before the end */
    jo 1b

    larl %r1, percpu_area
    stg %r1, LC_CPU(%r0)
    larl %r15, boot_stack_top
    aghi %r15, -SAVE_AREA_BYTES
    xc 0(8, %r15), 0(%r15) /* the end of every backtrace */
    lgr %r2, %r6
    brasl %r14, boot_main

/*
 * A CPU started by arch_cpu_start(), through the restart PSW of its own lowcore: DAT is off, and
 * its stack may be in KVMAP, so the kernel's address space comes first.
 */
FUNC(secondary_entry)
    larl %r1, s390x_no_user_asce
    lctlg %c1, %c1, 0(%r1)
    lctlg %c7, %c7, 0(%r1)
    larl %r1, s390x_kernel_asce
    lctlg %c13, %c13, 0(%r1)
    larl %r1, secondary_psw
    lpswe 0(%r1)
secondary_translated:
    lg %r1, LC_CPU(%r0)
    lg %r15, PERCPU_KERNEL_SP(%r1)
    aghi %r15, -SAVE_AREA_BYTES
    xc 0(8, %r15), 0(%r15)
    brasl %r14, secondary_main
END(secondary_entry)

    .section .rodata
    .balign 8
early_psw:
    .quad PSW_STOP, STOP_EARLY
secondary_psw:
    .quad PSW_KERNEL, secondary_translated

    .bss
    .balign 2 * KSTACK_BYTES
    .globl boot_stack, boot_stack_top
boot_stack:
    .space KSTACK_BYTES
boot_stack_top:

    .section .note.GNU-stack, "", %progbits
