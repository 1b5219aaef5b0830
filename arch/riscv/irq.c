/* SPDX-License-Identifier: MIT */
/*
 * The platform-level interrupt controller (RISC-V PLIC specification 1.0.0). One context per hart and
 * privilege; the console's line is enabled in the boot hart's supervisor context only.
 */
#include <arch-generic/machine.h>
#include <quire/upcalls.h>
#include <arch/devices.h>
#include <arch/layout.h>
#include "irq.h"

#define PLIC_PRIORITY(irq) (4 * (irq))
#define PLIC_ENABLE(context, irq) (0x2000 + 0x80 * (context) + (irq) / 32 * 4)
#define PLIC_THRESHOLD(context) (0x200000 + 0x1000 * (context))
#define PLIC_CLAIM(context) (0x200004 + 0x1000 * (context))

static volatile u32 *plic(u64 offset)
{
    return (volatile u32 *)(DIRECT_MAP_BASE + riscv_devices.plic + offset);
}

void plic_init(void)
{
    u32 irq = riscv_devices.uart_irq, context = this_cpu()->arch.plic_context;

    if (!riscv_devices.plic || !irq)
        return;
    *plic(PLIC_PRIORITY(irq)) = 1;
    *plic(PLIC_ENABLE(context, irq)) |= 1u << irq % 32;
    *plic(PLIC_THRESHOLD(context)) = 0;
}

void plic_dispatch(void)
{
    u32 context = this_cpu()->arch.plic_context, irq;

    while ((irq = *plic(PLIC_CLAIM(context))) != 0) {
        if (irq == riscv_devices.uart_irq)
            trap_console_rx();
        *plic(PLIC_CLAIM(context)) = irq;
    }
}
