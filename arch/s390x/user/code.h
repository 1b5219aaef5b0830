/* SPDX-License-Identifier: MIT */
/* Machine code that programs write themselves, and an instruction that no machine has. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CODE_ILLEGAL() __asm__ volatile(".insn e, 0x0000")
/* An instruction that would leave the program's address space and read from another one. */
#define CODE_ESCAPE() __asm__ volatile("sacf 0x100\n\tlg %%r0,0x200(%0)\n\tsacf 0" ::"a"(0x2000) : "r0")
#define CODE_BYTES 6 /* of the function that code_write() writes */
#define CODE_MAX 32767

/* Writes a function that returns value (0 to CODE_MAX). */
static inline void code_write(void *at, unsigned value)
{
    uint16_t *half = at;

    half[0] = 0xa729; /* lghi %r2, value */
    half[1] = (uint16_t)value;
    half[2] = 0x07fe; /* br %r14 */
}
