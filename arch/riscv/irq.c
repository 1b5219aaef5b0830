/* SPDX-License-Identifier: MIT */
/*
 * The platform-level interrupt controller (RISC-V PLIC specification 1.0.0). One context per hart and privilege; all
 * sources are enabled in the boot hart's supervisor context only. A source of priority 0 never interrupts, and what it
 * asks for stays pending: this is how it is masked. A source that isn't enabled couldn't be completed.
 */
#include <arch-generic/machine.h>
#include <quire/errno.h>
#include <quire/upcalls.h>
#include <arch/devices.h>
#include <arch/layout.h>
#include "irq.h"

#define PLIC_PRIORITY(irq) (4 * (irq))
#define PLIC_ENABLE(context, irq) (0x2000 + 0x80 * (context) + (irq) / 32 * 4) /* a bit for each source */
#define PLIC_THRESHOLD(context) (0x200000 + 0x1000 * (context))
#define PLIC_CLAIM(context) (0x200004 + 0x1000 * (context))

static volatile u32 *plic(u64 offset)
{
    return (volatile u32 *)(DIRECT_MAP_BASE + riscv_devices.plic + offset);
}

void plic_init(void)
{
    u32 irq = riscv_devices.uart_irq, context = this_cpu()->arch.plic_context;

    if (!riscv_devices.plic)
        return;
    for (u32 i = 0; i < ARCH_NR_INTERRUPTS; i++)
        *plic(PLIC_PRIORITY(i)) = irq && i == irq;
    for (u32 i = 0; i < ARCH_NR_INTERRUPTS; i += 32)
        *plic(PLIC_ENABLE(context, i)) = ~0u;
    *plic(PLIC_THRESHOLD(context)) = 0;
}

void plic_dispatch(void)
{
    u32 context = this_cpu()->arch.plic_context, irq;

    while ((irq = *plic(PLIC_CLAIM(context))) != 0) {
        if (irq == riscv_devices.uart_irq)
            trap_console_rx();
        else if (irq < ARCH_NR_INTERRUPTS)
            trap_interrupt(irq);
        *plic(PLIC_CLAIM(context)) = irq;
    }
}

int arch_interrupt_set_up(u32 number, bool edge)
{
    if (!riscv_devices.plic || number == 0)
        return -ENODEV;
    if (number == riscv_devices.uart_irq)
        return -EBUSY;
    return edge ? -EINVAL : 0; /* a source's gateway is made for its device (chapter 4) */
}

void arch_interrupt_mask(u32 number) { *plic(PLIC_PRIORITY(number)) = 0; }
void arch_interrupt_unmask(u32 number) { *plic(PLIC_PRIORITY(number)) = 1; }
bool arch_interrupt_keeps(u32 number) { return (void)number, true; }
