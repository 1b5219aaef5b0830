/* SPDX-License-Identifier: MIT */
/*
 * Writes a function, does or doesn't do the maintenance that the machine requires, and runs the function; -DCASE_name
 * chooses. No firmware: hart 0 and, in the cases whose names begin with REMOTE, hart 1 start here. cases.txt holds the
 * reports that cachesan must give.
 */
.option norvc
.equ POWER, 0x100000
.equ OFF, 0x5555

.macro write_function value
    li t0, 0x00000513 | \value << 20 /* li a0, value */
    sw t0, 0(s1)
    li t0, 0x00008067 /* ret */
    sw t0, 4(s1)
.endm

.globl _start
_start:
    la s1, function
    la s2, flag
    csrr t0, mhartid
    bnez t0, other_hart

#if defined(CASE_good)
    write_function 42
    fence.i
    jalr s1
#elif defined(CASE_none)
    write_function 42
    jalr s1
#elif defined(CASE_fence_before_store)
    fence.i
    write_function 42
    jalr s1
#elif defined(CASE_data_fence_only)
    write_function 42
    fence rw, rw
    jalr s1
#elif defined(CASE_written_again)
    write_function 42
    fence.i
    jalr s1
    write_function 43
    jalr s1
#elif defined(CASE_written_again_good)
    write_function 42
    fence.i
    jalr s1
    write_function 43
    fence.i
    jalr s1
#elif defined(CASE_remote_none) || defined(CASE_remote_good)
    write_function 42
    fence.i /* this hart's fence, which doesn't help the other hart */
    fence rw, w
    sw s1, 0(s2)
    j wait
#elif defined(CASE_remote_no_data_fence)
    write_function 42
    sw s1, 0(s2)
    j wait
#elif defined(CASE_remote_fence_of_loads)
    write_function 42
    fence r, rw
    sw s1, 0(s2)
    j wait
#elif defined(CASE_remote_release)
    write_function 42
    amoswap.w.rl zero, s1, (s2)
    j wait
#else
#error "no such case"
#endif

power_off:
    li t0, POWER
    li t1, OFF
    sw t1, 0(t0)
wait:
    j wait

other_hart:
#if defined(CASE_remote_none) || defined(CASE_remote_good) || defined(CASE_remote_no_data_fence) || \
    defined(CASE_remote_fence_of_loads) || defined(CASE_remote_release)
1:  lw t0, 0(s2)
    beqz t0, 1b
    fence r, rw
#ifndef CASE_remote_none
    fence.i
#endif
    jalr s1
    j power_off
#else
    j wait
#endif

.balign 4096
function:
    .space 4096
flag:
    .word 0
    .balign 4096
