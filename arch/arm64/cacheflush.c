/* SPDX-License-Identifier: MIT */
/*
 * Making stores executable (Arm ARM, "Synchronization and coherency issues between data and instruction accesses"):
 * steps that CTR_EL0 calls unnecessary are left out, the others are done line by line. And maintenance to the point of
 * coherency, for frames that pass between guest and host.
 */
#include <arch-generic/cacheflush.h>

#define CTR_IMINLINE(ctr) (4UL << ((ctr)&0xf)) /* smallest line of any cache, in bytes */
#define CTR_DMINLINE(ctr) (4UL << ((ctr) >> 16 & 0xf))
#define CTR_IDC (1UL << 28) /* no cleaning needed */
#define CTR_DIC (1UL << 29) /* no invalidation needed */

/*
 * In debug builds a load of one byte goes before each operation. QEMU's plugin interface shows loads, but not the
 * registers of cache operations; cachesan learns from the load which line the operation is for.
 */
#if QUIRE_DEBUG
#define SHOW_ADDRESS "ldrb wzr, [%0]\n\t"
#else
#define SHOW_ADDRESS ""
#endif

#define LINE(op) SHOW_ADDRESS op ", %0\n\tadd %0, %0, %1\n\t"
#define FOUR_LINES(op) LINE(op) LINE(op) LINE(op) LINE(op)

/* Do `op` for each line that holds a byte of [start, end), eight lines per turn if possible: the loop itself is half of
 * the work. */
#define FOR_EACH_LINE(op, start, end, line)                                                        \
    do {                                                                                           \
        u64 a_ = ALIGN_DOWN(start, line), line_ = line;                                            \
        for (u64 n_ = ((end)-a_) / (8 * line_); n_; n_--)                                          \
            __asm__ volatile(FOUR_LINES(op) FOUR_LINES(op) : "+r"(a_) : "r"(line_) : "memory");    \
        while (a_ < (end))                                                                         \
            __asm__ volatile(LINE(op) : "+r"(a_) : "r"(line_) : "memory");                         \
    } while (0)

void arch_icache_clean(const void *addr, size_t len)
{
    u64 ctr = sysreg_read(ctr_el0), start = (u64)addr, end = start + len;

    if (!(ctr & CTR_IDC))
        FOR_EACH_LINE("dc cvau", start, end, CTR_DMINLINE(ctr));
    dsb(ish); /* cleaned (or, with IDC, stored) before any CPU fetches again */
    if (!(ctr & CTR_DIC)) {
        FOR_EACH_LINE("ic ivau", start, end, CTR_IMINLINE(ctr));
        dsb(ish);
    }
    isb();
}

/* CTR_EL0.IDC concerns only the point of unification, so it isn't looked at here. */
void arch_dcache_clean_invalidate(const void *addr, size_t len)
{
    u64 line = CTR_DMINLINE(sysreg_read(ctr_el0)), start = (u64)addr, end = start + len;

    FOR_EACH_LINE("dc civac", start, end, line);
    dsb(sy); /* complete for the whole system, not only for CPUs of the inner shareable domain */
}
