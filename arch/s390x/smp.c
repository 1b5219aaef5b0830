/* SPDX-License-Identifier: MIT */
/*
 * Other CPUs: SIGNAL PROCESSOR (chapter 4 "Control", CPU Signaling and Response). The boot CPU keeps the prefix area at
 * absolute 0, each other CPU gets its own here.
 */
#include <arch-generic/machine.h>
#include <quire/errno.h>
#include "irq.h"

#define CC_ACCEPTED 0
#define CC_BUSY     2

void secondary_entry(void);

/* A CPU sees its own prefix area at address 0, and absolute 0 here. */
static struct lowcore prefix_areas[MAX_CPUS] __aligned(LOWCORE_BYTES);

static int sigp_wait(u16 address, unsigned order, u64 parameter)
{
    int cc;

    while ((cc = sigp(address, order, parameter)) == CC_BUSY)
        cpu_relax();
    return cc;
}

int arch_cpu_start(unsigned cpu)
{
    struct percpu *area = cpu_area(cpu);
    struct lowcore *lc = &prefix_areas[cpu];
    u16 address = (u16)area->hwid;

    area->arch.prefix = lc;
    lc->cpu = area;
    lowcore_set_vectors(lc, PSW_KERNEL);
    lc->restart_new = (struct psw){PSW_BOOT, (u64)secondary_entry};
    if (sigp_wait(address, SIGP_SET_PREFIX, (u64)lc) != CC_ACCEPTED)
        return -EIO;
    return sigp_wait(address, SIGP_RESTART, 0) == CC_ACCEPTED ? 0 : -EIO;
}

/* SIGP serialises: earlier stores are visible when the other CPU takes the interruption. */
void arch_ipi_send(unsigned cpu)
{
    sigp_wait((u16)cpu_area(cpu)->hwid, SIGP_EMERGENCY, 0);
}
