/* SPDX-License-Identifier: MIT */
/* Setting up a CPU, waiting, and the features of this CPU. */
#include <arch-generic/machine.h>
#include <arch/facility.h>
#include <arch/tlb.h>
#include <quire/printf.h>

/* Control register 0 (chapter 4 "Control", Control Registers). All other bits are 0, so users can't leave primary-space
 * mode (secondary-space and address-space-function control). QEMU 7.2 ignores that bit; so the space of CR7 is empty
 * (paging.c), and trap.c ends a program that accesses it. */
#define CR0_LOW_ADDRESS_PROTECTION (1UL << 28)
#define CR0_EDAT                   (1UL << 23)
#define CR0_NO_EXECUTE             (1UL << 20)
#define CR0_AFP                    (1UL << 18) /* all 16 floating-point registers */
#define CR0_VECTOR                 (1UL << 17)
#define CR0_EMERGENCY_SIGNAL       (1UL << 14)
#define CR0_EXTERNAL_CALL          (1UL << 13)
#define CR0_CLOCK_COMPARATOR       (1UL << 11)
#define CR0_SERVICE_SIGNAL         (1UL << 9)

#define PRNO_QUERY 0
#define PRNO_TRNG  114 /* true random number generation */

u64 s390x_facilities[4];

void s390x_facilities_read(void)
{
    register u64 last __asm__("r0") = ARRAY_SIZE(s390x_facilities) - 1;

    __asm__ volatile("stfle %1" : "+d"(last), "=Q"(s390x_facilities)::"cc", "memory");
}

void arch_cpu_init(void)
{
    u64 cr0 = CR0_LOW_ADDRESS_PROTECTION | CR0_NO_EXECUTE | CR0_AFP | CR0_VECTOR |
              CR0_EMERGENCY_SIGNAL | CR0_EXTERNAL_CALL | CR0_CLOCK_COMPARATOR;

    if (s390x_facility(FACILITY_EDAT1))
        cr0 |= CR0_EDAT;
    if (this_cpu()->cpu == 0)
        cr0 |= CR0_SERVICE_SIGNAL;             /* one CPU is enough for the console */
    lowcore_set_vectors(&lowcore, PSW_KERNEL); /* a started CPU no longer needs its restart PSW */
    arch_timer_set(~0UL);
    __asm__ volatile("lctlg %%c0,%%c0,%0" ::"Q"(cr0) : "memory");
}

void arch_machine_init(const struct boot_info *boot) {}

void arch_wait_for_interrupt(void)
{
    struct psw wait = {PSW_KERNEL | PSW_EXT | PSW_WAIT, 0};
    u64 here;

    __asm__ volatile("larl %0,1f\n\t"
                     "stg %0,8(%1)\n\t"
                     "lpswe 0(%1)\n"
                     "1:"
                     : "=&a"(here)
                     : "a"(&wait)
                     : "memory", "cc");
    arch_irq_disable();
}

/* Loading the PSW enables interrupts and waits in one step, so no interrupt can come in between. */
void arch_idle(void)
{
    arch_wait_for_interrupt();
}

const char *arch_features(void)
{
    static char text[96];

    snprintf(text, sizeof(text), "3 levels, %s, no-execute, vectors, broadcast TLB flushes%s",
             s390x_facility(FACILITY_EDAT1) ? "1 MiB blocks" : "4 KiB pages only",
             s390x_facility(FACILITY_MSA5) ? ", random numbers" : "");
    return text;
}

/* PERFORM RANDOM NUMBER OPERATION (chapter 26): raw bytes go to the buffer of one register pair, conditioned ones to
 * the other. */
static void prno(unsigned function, void *parameters, void *out, u64 size)
{
    register u64 r0 __asm__("r0") = function;
    register u64 r1 __asm__("r1") = (u64)parameters;
    register u64 r2 __asm__("r2") = 0;
    register u64 r3 __asm__("r3") = 0;
    register u64 r4 __asm__("r4") = (u64)out;
    register u64 r5 __asm__("r5") = size;

    __asm__ volatile("0:\t.insn rre,0xb93c0000,%%r2,%%r4\n\t"
                     "jo 0b" /* not finished yet: go on */
                     : "+d"(r2), "+d"(r3), "+d"(r4), "+d"(r5)
                     : "d"(r0), "d"(r1)
                     : "cc", "memory");
}

bool arch_random(u64 *value)
{
    u64 functions[2] = {0, 0};

    if (!s390x_facility(FACILITY_MSA5))
        return false;
    prno(PRNO_QUERY, functions, NULL, 0);
    if (!(functions[PRNO_TRNG / 64] << PRNO_TRNG % 64 >> 63))
        return false;
    prno(PRNO_TRNG, NULL, value, sizeof(*value));
    return true;
}
