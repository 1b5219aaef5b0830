/* SPDX-License-Identifier: MIT */
/*
 * Writes a function, does or doesn't do the maintenance that the machine requires, and runs the function; -DCASE_name
 * chooses. cases.txt holds the reports that cachesan must give. Translation is off; `ldrb wzr` before an operation
 * tells the plugin its address.
 */
.equ PSCI_SYSTEM_OFF, 0x84000008
.equ PSCI_CPU_ON, 0xc4000003

.macro write_function value
    ldr w0, =0x52800000 | \value << 5 /* mov w0, #value */
    str w0, [x19]
    ldr w0, =0xd65f03c0 /* ret */
    str w0, [x19, #4]
.endm
.macro clean at
    ldrb wzr, [\at]
    dc cvau, \at
.endm
.macro invalidate at
    ldrb wzr, [\at]
    ic ivau, \at
.endm

.globl _start
_start:
    adr x19, function
    adr x21, flag
    adr x22, other_line
    mov x1, x19

#if defined(CASE_good)
    write_function 42
    clean x1
    dsb ish
    invalidate x1
    dsb ish
    isb
    blr x19
#elif defined(CASE_none)
    write_function 42
    blr x19
#elif defined(CASE_no_clean)
    write_function 42
    dsb ish
    invalidate x1
    dsb ish
    isb
    blr x19
#elif defined(CASE_no_dsb_between)
    write_function 42
    clean x1
    invalidate x1
    dsb ish
    isb
    blr x19
#elif defined(CASE_dsb_of_stores_between)
    write_function 42
    clean x1
    dsb ishst
    invalidate x1
    dsb ish
    isb
    blr x19
#elif defined(CASE_no_dsb_after)
    write_function 42
    clean x1
    dsb ish
    invalidate x1
    isb
    blr x19
#elif defined(CASE_no_invalidate)
    write_function 42
    clean x1
    dsb ish
    isb
    blr x19
#elif defined(CASE_no_isb)
    write_function 42
    clean x1
    dsb ish
    invalidate x1
    dsb ish
    blr x19
#elif defined(CASE_wrong_line_cleaned)
    write_function 42
    clean x22
    dsb ish
    invalidate x1
    dsb ish
    isb
    blr x19
#elif defined(CASE_wrong_line_invalidated)
    write_function 42
    clean x1
    dsb ish
    invalidate x22
    dsb ish
    isb
    blr x19
#elif defined(CASE_store_after)
    clean x1
    dsb ish
    invalidate x1
    dsb ish
    isb
    write_function 42
    blr x19
#elif defined(CASE_invalidate_first)
    write_function 42
    invalidate x1
    dsb ish
    clean x1
    dsb ish
    isb
    blr x19
#elif defined(CASE_invalidate_all)
    write_function 42
    clean x1
    dsb ish
    ic ialluis
    dsb ish
    isb
    blr x19
#elif defined(CASE_invalidate_all_here)
    write_function 42
    clean x1
    dsb ish
    ic iallu
    dsb nsh
    isb
    blr x19
#elif defined(CASE_written_again) || defined(CASE_written_again_good)
    write_function 42
    clean x1
    dsb ish
    invalidate x1
    dsb ish
    isb
    blr x19
    write_function 43
#ifdef CASE_written_again_good
    clean x1
    dsb ish
    invalidate x1
    dsb ish
    isb
#endif
    blr x19
#elif defined(CASE_address_unknown)
    write_function 42
    dc cvau, x1
    dsb ish
    ic ivau, x1
    dsb ish
    isb
    blr x19
#elif defined(CASE_remote_no_isb) || defined(CASE_remote_good) || defined(CASE_remote_eret) || \
    defined(CASE_remote_invalidated_here_only)
    ldr x0, =PSCI_CPU_ON
    mov x1, #1
    adr x2, other_cpu
    mov x3, #0
    hvc #0
1:  ldr w0, [x21]
    cbz w0, 1b /* the other CPU runs */
    mov x1, x19
    write_function 42
    clean x1
    dsb ish
#ifdef CASE_remote_invalidated_here_only
    ic iallu
#else
    invalidate x1
#endif
    dsb ish
    mov w0, #2
    str w0, [x21]
    b wait
#else
#error "no such case"
#endif

power_off:
    ldr x0, =PSCI_SYSTEM_OFF
    hvc #0
wait:
    b wait

other_cpu:
    adr x19, function
    adr x21, flag
    mov w0, #1
    str w0, [x21]
1:  ldr w0, [x21]
    cmp w0, #2
    b.ne 1b
#if defined(CASE_remote_eret)
    adr x0, 2f
    msr elr_el1, x0
    mov x0, #0x3c5 /* EL1h, masked */
    msr spsr_el1, x0
    eret
2:
#elif !defined(CASE_remote_no_isb)
    isb
#endif
    blr x19
    b power_off

.ltorg
.balign 4096
function:
    .space 64
other_line:
    .space 4032
flag:
    .word 0
    .balign 4096
