/* SPDX-License-Identifier: MIT */
/* Machine code that programs write themselves, and an instruction that no machine has. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CODE_ILLEGAL() __asm__ volatile("udf #0")
/* An instruction that would leave the program's address space and read from another one. */
#define CODE_ESCAPE() __asm__ volatile("msr ttbr0_el1, xzr")
#define CODE_BYTES 8 /* of the function that code_write() writes */
#define CODE_MAX 65535

/* Writes a function that returns value (0 to CODE_MAX). */
static inline void code_write(void *at, unsigned value)
{
    uint32_t *insn = at;

    insn[0] = 0x52800000 | value << 5; /* mov w0, #value */
    insn[1] = 0xd65f03c0;              /* ret */
}
