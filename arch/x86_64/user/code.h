/* SPDX-License-Identifier: MIT */
/* Machine code that programs write themselves, and an instruction that no machine has. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CODE_ILLEGAL() __asm__ volatile("ud2")
/* An instruction that would leave the program's address space and read from another one. */
#define CODE_ESCAPE() __asm__ volatile("mov %0,%%cr3" ::"r"(0UL))
#define CODE_BYTES 6 /* of the function that code_write() writes */
#define CODE_MAX 65535

/* Writes a function that returns value (0 to CODE_MAX). */
static inline void code_write(void *at, unsigned value)
{
    uint8_t *byte = at;

    byte[0] = 0xb8; /* mov $value, %eax */
    for (int i = 0; i < 4; i++)
        byte[1 + i] = (uint8_t)(value >> 8 * i);
    byte[5] = 0xc3; /* ret */
}
