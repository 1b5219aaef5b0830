/* SPDX-License-Identifier: MIT */
/* Setting up a hart, waiting, power-off, and the features of this hart. */
#include <arch-generic/machine.h>
#include <arch/devices.h>
#include <arch/layout.h>
#include <arch/sbi.h>
#include <arch/tlb.h>
#include <quire/printf.h>
#include "irq.h"

#define SIE_SSIE (1UL << 1)
#define SIE_STIE (1UL << 5)
#define SIE_SEIE (1UL << 9)
#define SCOUNTEREN_USER 7UL /* cycle, time, instret */

/* sifive_test, the device that ends QEMU's virt machine. */
#define TEST_PASS 0x5555
#define TEST_FAIL 0x3333


void arch_cpu_init(void)
{
    struct percpu *cpu = this_cpu();

    cpu->arch.plic_context = riscv_devices.plic_context[cpu->cpu];
    csr_write(scounteren, SCOUNTEREN_USER);
    csr_set(sstatus, SSTATUS_FS_INITIAL);
    arch_timer_set(~0UL);
    csr_write(sie, SIE_SSIE | SIE_STIE | SIE_SEIE);
    if (cpu->cpu == 0)
        plic_init();
}

void arch_machine_init(const struct boot_info *boot) {}

void arch_idle(void)
{
    /* WFI wakes for a pending interrupt even with SIE clear, so nothing is lost (3.3.3). */
    arch_wait_for_interrupt();
    arch_irq_enable();
    arch_irq_disable();
}

void __noreturn arch_halt(void)
{
    arch_irq_disable();
    csr_write(sie, 0);
    for (;;)
        arch_wait_for_interrupt();
}

void __noreturn arch_poweroff(int status)
{
    arch_irq_disable();
    if (riscv_devices.test) {
        volatile u32 *test = (volatile u32 *)(DIRECT_MAP_BASE + riscv_devices.test);
        arch_io_fence();
        *test = status ? (u32)status << 16 | TEST_FAIL : TEST_PASS;
    } else {
        sbi_call(SBI_SRST, 0, 0, status != 0, 0);
    }
    arch_halt(); /* newer QEMUs run on for a while, so nothing else may be executed */
}

bool riscv_has_svnapot;

const char *arch_features(void)
{
    static char text[128];

    snprintf(text, sizeof(text), "Sv39, ASID %u bits, timer %s, isa %s", ARCH_ASID_BITS,
             riscv_devices.sstc ? "stimecmp" : "SBI", riscv_devices.isa);
    return text;
}

bool arch_random(u64 *value)
{
    (void)value;
    return false; /* no Zkr on this machine; the device tree's rng-seed is in boot_info */
}
