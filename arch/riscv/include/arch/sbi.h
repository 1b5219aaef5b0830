/* SPDX-License-Identifier: MIT */
/* Calls to the machine-mode firmware (RISC-V SBI specification 1.0). */
#pragma once

#include <quire/types.h>

#define SBI_LEGACY_PUTCHAR 0x01
#define SBI_TIME 0x54494D45
#define SBI_IPI 0x735049
#define SBI_HSM 0x48534D
#define SBI_SRST 0x53525354

struct sbi_result {
    long error, value;
};

static inline struct sbi_result sbi_call(u64 extension, u64 function, u64 arg0, u64 arg1, u64 arg2)
{
    register u64 a0 __asm__("a0") = arg0;
    register u64 a1 __asm__("a1") = arg1;
    register u64 a2 __asm__("a2") = arg2;
    register u64 a6 __asm__("a6") = function;
    register u64 a7 __asm__("a7") = extension;

    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){(long)a0, (long)a1};
}
