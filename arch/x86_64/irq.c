/* SPDX-License-Identifier: MIT */
/*
 * Local APIC (Intel SDM 3A chapter 10) and I/O APIC (82093AA data sheet), which brings the interrupts of the console
 * and of other devices to the boot CPU. Their numbers are the inputs of the I/O APIC.
 *
 * The local APIC's registers are memory (xAPIC), or MSRs if the firmware has switched the CPU to x2APIC, from which
 * there is no simple way back. The kernel doesn't switch itself: for ids below 255 it would gain nothing, and QEMU
 * can't access the MSRs of the timer under -icount ("Bad icount read").
 */
#include <arch-generic/machine.h>
#include <quire/errno.h>
#include <quire/spinlock.h>
#include "platform.h"

/* Local APIC registers that only this file uses. */
#define LAPIC_EOI         0xb0
#define LAPIC_TPR         0x80
#define LAPIC_SVR         0xf0
#define LAPIC_LVT_LINT0   0x350
#define LAPIC_LVT_LINT1   0x360
#define LAPIC_LVT_ERROR   0x370
#define LAPIC_SVR_ENABLE  (1 << 8)
#define LAPIC_LVT_NMI     (4 << 8)
#define LAPIC_ICR_PENDING (1 << 12)
#define LAPIC_ID_SHIFT    24

/* I/O APIC: a window of two registers. */
#define IOAPIC_SELECT            0x00
#define IOAPIC_WINDOW            0x10
#define IOAPIC_VERSION           1
#define IOAPIC_ENTRY(input)      (0x10 + 2 * (input)) /* two registers: low, high */
#define IOAPIC_ACTIVE_LOW        (1 << 13)
#define IOAPIC_LEVEL             (1 << 15)
#define IOAPIC_MASKED            (1 << 16)
#define IOAPIC_DESTINATION_SHIFT 24

/* The two 8259A of the first PCs: everything masked. */
#define PIC_MASTER_MASK 0x21
#define PIC_SLAVE_MASK  0xa1

struct x86_devices x86_devices = {
    .lapic = 0xfee00000, /* the usual address in PCs; boot/ replaces it if there is ACPI */
    .ioapic = 0xfec00000,
    .console_gsi = 4,
};

static volatile u32 *lapic(u32 reg)
{
    return (volatile u32 *)phys_to_window(x86_devices.lapic + reg);
}

u32 lapic_read(u32 reg)
{
    return cpu_features.x2apic ? (u32)read_msr(MSR_X2APIC + reg / 16) : *lapic(reg);
}

void lapic_write(u32 reg, u32 value)
{
    if (cpu_features.x2apic)
        write_msr(MSR_X2APIC + reg / 16, value);
    else
        *lapic(reg) = value;
}

void lapic_eoi(void) { lapic_write(LAPIC_EOI, 0); }

u32 lapic_boot_id(void) { return cpuid(1, 0).ebx >> 24; /* initial APIC id, SDM 2A table 3-8 */ }

/*
 * Writes to x2APIC registers overtake stores (SDM 3A 10.12.3), and the receiver has to see the sender's earlier stores;
 * so there are fences. xAPIC registers are uncached memory, which is in order anyway, but sending takes two writes.
 */
void lapic_send(u32 apic_id, u32 command)
{
    bool irqs = irq_save();

    if (cpu_features.x2apic) {
        __asm__ volatile("mfence; lfence" ::: "memory");
        write_msr(MSR_X2APIC + LAPIC_ICR_LOW / 16, (u64)apic_id << 32 | command);
    } else {
        while (*lapic(LAPIC_ICR_LOW) & LAPIC_ICR_PENDING)
            cpu_relax();
        *lapic(LAPIC_ICR_HIGH) = apic_id << LAPIC_ID_SHIFT;
        *lapic(LAPIC_ICR_LOW) = command;
    }
    irq_restore(irqs);
}

void arch_ipi_send(unsigned cpu) { lapic_send((u32)cpu_area(cpu)->hwid, LAPIC_ICR_FIXED | VEC_IPI); }

void lapic_init(void)
{
    u64 base = read_msr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

    write_msr(MSR_APIC_BASE, base);
    if (cpu_features.x2apic)
        write_msr(MSR_APIC_BASE, base | APIC_BASE_X2); /* only from the enabled state (10.12.5) */
    lapic_write(LAPIC_TPR, 0);
    lapic_write(LAPIC_LVT_LINT0, LAPIC_LVT_MASKED); /* the 8259A's line */
    lapic_write(LAPIC_LVT_LINT1, LAPIC_LVT_NMI);
    lapic_write(LAPIC_LVT_ERROR, LAPIC_LVT_MASKED);
    lapic_write(LAPIC_SVR, LAPIC_SVR_ENABLE | VEC_SPURIOUS);
}

static volatile u32 *ioapic(u32 reg)
{
    return (volatile u32 *)phys_to_window(x86_devices.ioapic + reg);
}

static u32 ioapic_read(u32 index)
{
    *ioapic(IOAPIC_SELECT) = index;
    return *ioapic(IOAPIC_WINDOW);
}

static void ioapic_write(u32 index, u32 value)
{
    *ioapic(IOAPIC_SELECT) = index;
    *ioapic(IOAPIC_WINDOW) = value;
}

static u32 nr_inputs(void) { return (ioapic_read(IOAPIC_VERSION) >> 16 & 0xff) + 1; }

void irq_route_console(void)
{
    u32 input = x86_devices.console_gsi;

    port_write8(PIC_MASTER_MASK, 0xff);
    port_write8(PIC_SLAVE_MASK, 0xff);
    if (input >= nr_inputs())
        return; /* the interrupt doesn't belong to this I/O APIC */
    ioapic_write(IOAPIC_ENTRY(input) + 1, (u32)cpu_area(0)->hwid << IOAPIC_DESTINATION_SHIFT);
    ioapic_write(IOAPIC_ENTRY(input), VEC_CONSOLE |
                                          (x86_devices.console_active_low ? IOAPIC_ACTIVE_LOW : 0) |
                                          (x86_devices.console_level ? IOAPIC_LEVEL : 0));
}

/* Inputs are active high; a request by an edge that comes while the input is masked is lost (82093AA, 3.2.4). */
int arch_interrupt_set_up(u32 number, bool edge)
{
    if (number >= nr_inputs())
        return -ENODEV;
    if (number == x86_devices.console_gsi)
        return -EBUSY;
    ioapic_write(IOAPIC_ENTRY(number), IOAPIC_MASKED);
    ioapic_write(IOAPIC_ENTRY(number) + 1, (u32)cpu_area(0)->hwid << IOAPIC_DESTINATION_SHIFT);
    ioapic_write(IOAPIC_ENTRY(number), (VEC_DEVICES + number) | IOAPIC_MASKED | (edge ? 0 : IOAPIC_LEVEL));
    return 0;
}

void arch_interrupt_mask(u32 number)
{
    ioapic_write(IOAPIC_ENTRY(number), ioapic_read(IOAPIC_ENTRY(number)) | IOAPIC_MASKED);
}

void arch_interrupt_unmask(u32 number)
{
    ioapic_write(IOAPIC_ENTRY(number), ioapic_read(IOAPIC_ENTRY(number)) & ~IOAPIC_MASKED);
}

bool arch_interrupt_keeps(u32 number) { return ioapic_read(IOAPIC_ENTRY(number)) & IOAPIC_LEVEL; }
