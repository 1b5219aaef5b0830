/* SPDX-License-Identifier: MIT */
/* Where this machine's devices are, as boot/riscv.c read it from the device tree. */
#pragma once

#include <quire/types.h>
#include <quire/boot_info.h>

struct riscv_devices {
    u64 uart, plic, test; /* physical addresses; 0: the machine has none */
    u32 uart_irq;
    u32 timebase_hz;
    u32 tick_ns; /* of the time base; 0: no whole number */
    bool sstc; /* stimecmp may be used */
    u32 plic_context[MAX_CPUS];
    char isa[64]; /* interesting part of riscv,isa for the boot message */
};
extern struct riscv_devices riscv_devices;
