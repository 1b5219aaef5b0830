/* SPDX-License-Identifier: MIT */
/*
 * The interrupt controller, GICv3 without its translation service (Arm IHI 0069, chapters 3 and 12). All interrupts are
 * non-secure group 1 of one priority: interrupt 0 for messages between CPUs, the timer's, the console's, and those of
 * devices that programs drive.
 */
#include <arch-generic/machine.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/upcalls.h>
#include <arch/devices.h>
#include <arch/layout.h>
#include "irq.h"
#include "trap.h"

/* Distributor, 12.9. */
#define GICD_CTLR 0x0000
#define GICD_CTLR_GRP1 (1u << 1)
#define GICD_CTLR_ARE (1u << 4)
#define GICD_CTLR_RWP (1u << 31)
#define GICD_TYPER 0x0004
#define GICD_TYPER_NR_IRQS(typer) (32 * (((typer) & 31) + 1))
#define GICD_ICFGR(irq) (0x0c00 + (irq) / 16 * 4) /* two bits each */
#define GICD_ICFGR_EDGE(irq) (2u << 2 * ((irq) % 16))
#define GICD_IROUTER(irq) (0x6000 + 8 * (irq))
/* The same layout in the distributor and in a redistributor's second frame, 12.9 and 12.11. */
#define GIC_IGROUPR(irq) (0x0080 + (irq) / 32 * 4)
#define GIC_ISENABLER(irq) (0x0100 + (irq) / 32 * 4)
#define GIC_ICENABLER(irq) (0x0180 + (irq) / 32 * 4)
#define GIC_IPRIORITYR(irq) (0x0400 + (irq))
/* Redistributor, 12.11: 64 KiB each for the CPU, its private interrupts and, by VLPIS, two more. */
#define GICR_TYPER 0x0008
#define GICR_TYPER_VLPIS (1UL << 1)
#define GICR_TYPER_LAST (1UL << 4)
#define GICR_TYPER_AFFINITY(typer) ((typer) >> 32)
#define GICR_WAKER 0x0014
#define GICR_WAKER_SLEEP (1u << 1)
#define GICR_WAKER_CHILDREN_ASLEEP (1u << 2)
#define GICR_FRAME 0x10000
#define GICR_PRIVATE GICR_FRAME

#define PRIORITY 0x80
#define PRIORITY_MASK_ALL 0xff
#define FIRST_SPI 32
#define SPURIOUS 1020 /* and above: nothing to serve */
#define SGI_IPI 0

/* CPU interface, 12.2; the assembler knows these only under the names of newer versions. */
#define ICC_PMR_EL1 S3_0_C4_C6_0
#define ICC_IAR1_EL1 S3_0_C12_C12_0
#define ICC_EOIR1_EL1 S3_0_C12_C12_1
#define ICC_BPR1_EL1 S3_0_C12_C12_3
#define ICC_CTLR_EL1 S3_0_C12_C12_4
#define ICC_SRE_EL1 S3_0_C12_C12_5
#define ICC_IGRPEN1_EL1 S3_0_C12_C12_7
#define ICC_SGI1R_EL1 S3_0_C12_C11_5

static vaddr_t distributor(void) { return DIRECT_MAP_BASE + arm64_devices.distributor; }
static u32 read32(vaddr_t reg) { return *(volatile u32 *)reg; }
static void write32(vaddr_t reg, u32 value) { *(volatile u32 *)reg = value; }

/* Put the interrupt into group 1, with the one priority; its registers are at `frame`. */
static void set_up(vaddr_t frame, u32 irq)
{
    write32(frame + GIC_IGROUPR(irq), read32(frame + GIC_IGROUPR(irq)) | 1u << irq % 32);
    *(volatile u8 *)(frame + GIC_IPRIORITYR(irq)) = PRIORITY;
}

static void enable(vaddr_t frame, u32 irq)
{
    set_up(frame, irq);
    write32(frame + GIC_ISENABLER(irq), 1u << irq % 32);
}

/* A device's interrupt goes to this CPU. */
static void route(u32 irq, u64 mpidr) { *(volatile u64 *)(distributor() + GICD_IROUTER(irq)) = mpidr; }

/* Convert an affinity of MPIDR_EL1 to the form of GICR_TYPER and of GICD_IROUTER. */
static u32 typer_affinity(u64 mpidr) { return (u32)(mpidr >> 32 << 24 | (mpidr & 0xffffff)); }

void gic_init(void)
{
    u32 irq = arm64_devices.uart_irq;

    write32(distributor() + GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_GRP1);
    while (read32(distributor() + GICD_CTLR) & GICD_CTLR_RWP)
        ;
    if (irq >= FIRST_SPI) {
        route(irq, sysreg_read(mpidr_el1) & MPIDR_AFFINITY);
        enable(distributor(), irq);
    }
    arch_io_fence();
}

/* The redistributor of the CPU with this affinity; 0: the device tree's regions have none. */
static vaddr_t find_redistributor(u32 affinity)
{
    for (unsigned i = 0; i < arm64_devices.nr_redistributors; i++) {
        const struct boot_range *region = &arm64_devices.redistributors[i];
        vaddr_t frame = DIRECT_MAP_BASE + paddr_value(region->start), end = frame + region->size;

        while (frame < end) {
            u64 typer = *(volatile u64 *)(frame + GICR_TYPER);
            if (GICR_TYPER_AFFINITY(typer) == affinity)
                return frame;
            if (typer & GICR_TYPER_LAST)
                break;
            frame += (typer & GICR_TYPER_VLPIS ? 4 : 2) * GICR_FRAME;
        }
    }
    return 0;
}

void gic_cpu_init(void)
{
    vaddr_t frame = find_redistributor(typer_affinity(sysreg_read(mpidr_el1)));

    KASSERT(frame, "no interrupt redistributor for CPU %lx", sysreg_read(mpidr_el1));
    this_cpu()->arch.redistributor = frame;
    write32(frame + GICR_WAKER, read32(frame + GICR_WAKER) & ~GICR_WAKER_SLEEP);
    while (read32(frame + GICR_WAKER) & GICR_WAKER_CHILDREN_ASLEEP)
        ;
    enable(frame + GICR_PRIVATE, SGI_IPI);
    enable(frame + GICR_PRIVATE, arm64_devices.timer_irq);
    arch_io_fence();

    sysreg_write(ICC_SRE_EL1, 1); /* system registers, not memory */
    isb();
    sysreg_write(ICC_PMR_EL1, PRIORITY_MASK_ALL);
    sysreg_write(ICC_BPR1_EL1, 0);
    sysreg_write(ICC_CTLR_EL1, 0); /* EOIR drops the priority and deactivates */
    sysreg_write(ICC_IGRPEN1_EL1, 1);
    isb();
}

static void serve(const struct trapframe *tf, u32 irq)
{
    if (irq == SGI_IPI)
        trap_ipi();
    else if (irq == arm64_devices.timer_irq)
        trap_timer(tf);
    else if (irq == arm64_devices.uart_irq)
        trap_console_rx();
    else if (irq >= FIRST_SPI && irq < ARCH_NR_INTERRUPTS)
        trap_interrupt(irq);
}

/* Its source must be masked before its end, or a level comes again at once. */
static bool masked_first(u32 irq) { return irq >= FIRST_SPI && irq != arm64_devices.uart_irq; }

void arm64_irq(struct trapframe *tf)
{
    u32 irq;

    while ((irq = (u32)sysreg_read(ICC_IAR1_EL1)) < SPURIOUS) {
        dsb(sy); /* acknowledge before the sender's stores are read */
        if (irq == arm64_devices.timer_irq)
            arch_timer_set(~0UL); /* level-triggered: it must be quiet before its end, or it comes again */
        if (masked_first(irq))
            serve(tf, irq);
        sysreg_write(ICC_EOIR1_EL1, irq);
        isb();
        if (!masked_first(irq))
            serve(tf, irq);
    }
}

int arch_interrupt_set_up(u32 number, bool edge)
{
    if (number < FIRST_SPI || number >= GICD_TYPER_NR_IRQS(read32(distributor() + GICD_TYPER)))
        return -ENODEV;
    if (number == arm64_devices.uart_irq)
        return -EBUSY;
    arch_interrupt_mask(number);
    u32 others = read32(distributor() + GICD_ICFGR(number)) & ~GICD_ICFGR_EDGE(number);
    write32(distributor() + GICD_ICFGR(number), others | (edge ? GICD_ICFGR_EDGE(number) : 0));
    route(number, cpu_area(0)->hwid);
    set_up(distributor(), number);
    return 0;
}

void arch_interrupt_mask(u32 number) { write32(distributor() + GIC_ICENABLER(number), 1u << number % 32); }
void arch_interrupt_unmask(u32 number) { write32(distributor() + GIC_ISENABLER(number), 1u << number % 32); }
bool arch_interrupt_keeps(u32 number) { return (void)number, true; /* it stays pending: 4.1.2 */ }

void arch_ipi_send(unsigned cpu)
{
    u64 mpidr = cpu_area(cpu)->hwid;
    u64 aff0 = mpidr & 0xff, aff1 = mpidr >> 8 & 0xff, aff2 = mpidr >> 16 & 0xff;
    u64 aff3 = mpidr >> 32 & 0xff;

    dsb(ishst); /* the stores that the message is about come first */
    sysreg_write(ICC_SGI1R_EL1, aff3 << 48 | (aff0 >> 4) << 44 | aff2 << 32 | (u64)SGI_IPI << 24 |
                                    aff1 << 16 | 1UL << (aff0 & 0xf));
    isb();
}
