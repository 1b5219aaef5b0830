/* SPDX-License-Identifier: MIT */
/* Machine code that programs write themselves, and an instruction that no machine has. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CODE_ILLEGAL() __asm__ volatile("unimp")
/* An instruction that would leave the program's address space and read from another one. */
#define CODE_ESCAPE() __asm__ volatile("csrw satp, zero")
#define CODE_BYTES 8 /* of the function that code_write() writes */
#define CODE_MAX 2047

/* Writes a function that returns value (0 to CODE_MAX). */
static inline void code_write(void *at, unsigned value)
{
    uint32_t *insn = at;

    insn[0] = value << 20 | 10 << 7 | 0x13; /* addi a0, zero, value */
    insn[1] = 0x00008067;                   /* ret */
}
