/* SPDX-License-Identifier: MIT */
/* Clock and timer: the virtual counter and this CPU's virtual timer (Arm ARM, CNTV_CVAL_EL0). */
#include <arch-generic/machine.h>
#include <arch/sysreg.h>


u64 arch_clock_ns(void)
{
    isb(); /* otherwise the counter could be read too early, before earlier instructions are done */
    return arm64_ticks_to_ns(sysreg_read(cntvct_el0));
}

void arch_timer_set(u64 deadline_ns)
{
    u64 hz = sysreg_read(cntfrq_el0);

    if (deadline_ns == ~0UL) {
        sysreg_write(cntv_ctl_el0, 0);
    } else {
        sysreg_write(cntv_cval_el0, deadline_ns / NS_PER_S * hz +
                                        DIV_ROUND_UP(deadline_ns % NS_PER_S * hz, NS_PER_S));
        sysreg_write(cntv_ctl_el0, CNTV_CTL_ENABLE);
    }
    isb();
}
