/* SPDX-License-Identifier: MIT */
/* Setting up a CPU, waiting, and the features of this CPU. */
#include <arch-generic/machine.h>
#include <arch/devices.h>
#include <arch/pgtable.h>
#include <arch/tlb.h>
#include <quire/log.h>
#include <quire/printf.h>
#include "irq.h"

#define HAFDBS_DIRTY 2    /* ID_AA64MMFR1_EL1.HAFDBS: access flag and dirty state */
#define PMUVER_IMPDEF 0xf /* ID_AA64DFR0_EL1.PMUVer: not the architecture's PMU */

bool arm64_no_pmu;

void arm64_detect(void)
{
    unsigned pmu = sysreg_id(id_aa64dfr0_el1, DFR0_PMUVER_SHIFT);

    arm64_no_pmu = pmu == 0 || pmu == PMUVER_IMPDEF;
    if (sysreg_id(id_aa64mmfr1_el1, MMFR1_HAFDBS_SHIFT) >= HAFDBS_DIRTY)
        arm64_clean_rdonly = PTE_RDONLY;
}

static bool has_pan(void) { return sysreg_id(id_aa64mmfr1_el1, MMFR1_PAN_SHIFT) != 0; }

void arch_cpu_init(void)
{
    /* QEMU 7.2 allows on device memory what only normal memory allows; other versions, and hardware, don't. */
    KASSERT(sysreg_read(mair_el1) == MAIR_VALUE, "entry.S gave MAIR_EL1 the value 0x%lx, not 0x%lx: memory isn't normal memory",
            sysreg_read(mair_el1), (u64)MAIR_VALUE);
    if (has_pan()) /* traps set it again, by SCTLR_EL1.SPAN = 0 */
        __asm__ volatile(".arch_extension pan\n msr pan, #1" ::: "memory");
    sysreg_write(cpacr_el1, CPACR_FP);
    sysreg_write(mdscr_el1, 0); /* no hardware breakpoints, no single step */
    sysreg_write(cntkctl_el1, CNTKCTL_EL0VCTEN);
    if (!arm64_no_pmu)
        sysreg_write(pmuserenr_el0, PMUSERENR_CR);
    sysreg_write(tpidr_el0, 0);
    sysreg_write(tpidrro_el0, 0); /* users can read it; trap.S uses it for a moment */
    isb();
    gic_cpu_init();
    arch_timer_set(~0UL);
}

void arch_machine_init(const struct boot_info *boot) { gic_init(); }

void arch_idle(void)
{
    /* WFI wakes for a pending interrupt even if masked, so nothing is lost (Arm ARM, WFI). */
    arch_wait_for_interrupt();
    arch_irq_enable();
    isb();
    arch_irq_disable();
}

void __noreturn arch_halt(void)
{
    __asm__ volatile("msr daifset, #0xf" ::: "memory");
    for (;;)
        arch_wait_for_interrupt();
}

const char *arch_features(void)
{
    static char text[160];
    unsigned hafdbs = sysreg_id(id_aa64mmfr1_el1, MMFR1_HAFDBS_SHIFT);

    snprintf(text, sizeof(text), "39-bit addresses, ASID %u bits%s%s%s%s%s", ARCH_ASID_BITS,
             has_pan() ? ", PAN" : "", hafdbs ? ", hardware access flag" : "",
             hafdbs >= HAFDBS_DIRTY ? " and dirty state" : "",
             sysreg_id(id_aa64isar0_el1, ISAR0_ATOMIC_SHIFT) ? ", LSE" : "",
             arm64_no_pmu ? ", no cycle counter" : "");
    return text;
}

bool arch_random(u64 *value)
{
    u64 ok;

    if (!sysreg_id(id_aa64isar0_el1, ISAR0_RNDR_SHIFT))
        return false;
    /* RNDR sets Z if the generator had no number in time. */
    __asm__ volatile("mrs %0, S3_3_C2_C4_0; cset %1, ne" : "=r"(*value), "=r"(ok)::"cc");
    return ok;
}
