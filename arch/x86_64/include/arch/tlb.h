/* SPDX-License-Identifier: MIT */
/*
 * TLB maintenance of this CPU only (Intel SDM 3A 4.10.4); other CPUs are asked by message.
 *
 * No process-context identifiers: every load of CR3 drops all translations except global ones, and only kernel entries
 * are global. So a CPU keeps user translations of the loaded root only.
 */
#pragma once

#include <quire/types.h>
#include <quire/pt_root.h>
#include <arch/regs.h>

#define ARCH_TLB_BROADCAST     0
#define ARCH_FLUSH_ON_CLEAR    0
#define ARCH_BREAK_BEFORE_MAKE 0
#define ARCH_ASID_BITS         0

static inline void arch_tlb_flush_kernel_page(vaddr_t addr)
{
    __asm__ volatile("invlpg (%0)" ::"r"(addr) : "memory");
}
static inline void arch_tlb_flush_page(const struct pt_root *root, vaddr_t addr)
{
    /* A root that isn't loaded has nothing cached, and INVLPG of another page harms nobody. */
    arch_tlb_flush_kernel_page(addr);
}
static inline void arch_tlb_flush_root(const struct pt_root *root) { write_cr(3, read_cr(3)); }
/* Changing CR4.PGE drops the global translations as well. */
static inline void arch_tlb_flush_all(void)
{
    u64 cr4 = read_cr(4);
    write_cr(4, cr4 & ~(u64)CR4_PGE);
    write_cr(4, cr4);
}

/* "Not present" is never cached (SDM 3A 4.10.2.3). */
static inline void arch_pt_publish(void) {}
