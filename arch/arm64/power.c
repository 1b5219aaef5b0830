/* SPDX-License-Identifier: MIT */
/*
 * Ending the machine. Semihosting can give QEMU an exit status. Without semihosting its instruction is undefined, and
 * the firmware's power-off, which has no status, is used.
 */
#include <arch-generic/machine.h>
#include <arch/devices.h>
#include <arch/psci.h>
#include <arch/sysreg.h>

#define SYS_EXIT 0x18                        /* Arm semihosting 2.0 */
#define ADP_STOPPED_APPLICATION_EXIT 0x20026 /* with the status in the second word */

#define PSCI_NOT_SUPPORTED -1

/* hlt #0xf000. If this instruction is undefined, nothing happens: the trap continues at the exit of the exception
 * table. */
static void semihosting(u64 operation, const u64 *block)
{
    register u64 x0 __asm__("x0") = operation;
    register const u64 *x1 __asm__("x1") = block;

    __asm__ volatile("1: hlt #0xf000\n"
                     "2:\n"
                     ".pushsection .ex_table, \"a\"\n"
                     ".balign 4\n"
                     ".long 1b - ., 2b - .\n"
                     ".popsection"
                     : "+r"(x0)
                     : "r"(x1)
                     : "memory");
}

long psci_call(u64 function, u64 arg0, u64 arg1, u64 arg2)
{
    register u64 x0 __asm__("x0") = function;
    register u64 x1 __asm__("x1") = arg0;
    register u64 x2 __asm__("x2") = arg1;
    register u64 x3 __asm__("x3") = arg2;

    /* The calling convention lets the firmware change x4 to x17 (Arm DEN 0028). */
#define PSCI_CLOBBERS                                                                              \
    "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",    \
        "memory"
    if (arm64_devices.psci == PSCI_HVC)
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::PSCI_CLOBBERS);
    else if (arm64_devices.psci == PSCI_SMC)
        __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::PSCI_CLOBBERS);
    else
        return PSCI_NOT_SUPPORTED;
    return (long)x0;
}

void __noreturn arch_poweroff(int status)
{
    const u64 block[2] = {ADP_STOPPED_APPLICATION_EXIT, (u64)status};

    arch_irq_disable();
    semihosting(SYS_EXIT, block);
    psci_call(PSCI_SYSTEM_OFF, 0, 0, 0);
    arch_halt(); /* newer QEMUs run on for a while, so nothing else may be executed */
}
