/* SPDX-License-Identifier: MIT */
/*
 * Making stores executable (Arm ARM, "Synchronization and coherency issues between data and
 * instruction accesses"): what CTR_EL0 calls coherent is left out, the rest is done by lines.
 * And frames that change sides, to the point of coherency.
 */
#include <arch-generic/cacheflush.h>

#define CTR_IMINLINE(ctr) (4UL << ((ctr)&0xf)) /* smallest line of any cache, in bytes */
#define CTR_DMINLINE(ctr) (4UL << ((ctr) >> 16 & 0xf))
#define CTR_IDC (1UL << 28) /* no cleaning needed */
#define CTR_DIC (1UL << 29) /* no invalidation needed */

/*
 * In debug builds a load of one byte goes before each operation. It does nothing, but QEMU's plugin interface shows
 * loads and not the registers of these operations, so that is how cachesan learns which line is meant.
 */
#if QUIRE_DEBUG
#define SHOW_ADDRESS "ldrb wzr, [%0]\n\t"
#else
#define SHOW_ADDRESS ""
#endif

void arch_icache_clean(const void *addr, size_t len)
{
    u64 ctr = sysreg_read(ctr_el0), start = (u64)addr, end = start + len;

    if (!(ctr & CTR_IDC))
        for (u64 a = ALIGN_DOWN(start, CTR_DMINLINE(ctr)); a < end; a += CTR_DMINLINE(ctr))
            __asm__ volatile(SHOW_ADDRESS "dc cvau, %0" ::"r"(a) : "memory");
    dsb(ish); /* cleaned (or, with IDC, stored) before anybody fetches again */
    if (!(ctr & CTR_DIC)) {
        for (u64 a = ALIGN_DOWN(start, CTR_IMINLINE(ctr)); a < end; a += CTR_IMINLINE(ctr))
            __asm__ volatile(SHOW_ADDRESS "ic ivau, %0" ::"r"(a) : "memory");
        dsb(ish);
    }
    isb();
}

/* IDC is about the point of unification and changes nothing here. */
void arch_dcache_clean_invalidate(const void *addr, size_t len)
{
    u64 line = CTR_DMINLINE(sysreg_read(ctr_el0)), start = (u64)addr, end = start + len;

    for (u64 a = ALIGN_DOWN(start, line); a < end; a += line)
        __asm__ volatile(SHOW_ADDRESS "dc civac, %0" ::"r"(a) : "memory");
    dsb(sy); /* complete for all of the system, not only for CPUs of the inner shareable domain */
}
