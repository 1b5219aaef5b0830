/* SPDX-License-Identifier: MIT */
/*
 * TLB maintenance (Arm ARM, "TLB maintenance"). Always the inner-shareable forms, which reach every
 * CPU: the entry's store must be visible first (DSB ISHST), the invalidation complete afterwards (DSB ISH), and this
 * CPU must not go on with instructions that it fetched before (ISB).
 */
#pragma once

#include <quire/types.h>
#include <quire/pt_root.h>
#include <arch/sysreg.h>

#define ARCH_TLB_BROADCAST 1
#define ARCH_FLUSH_ON_CLEAR 0
#define ARCH_BREAK_BEFORE_MAKE 1 /* Arm ARM, "Using break-before-make" */
#define ARCH_ASID_BITS 16

/* Operand of the by-address forms: ASID in 63:48, address / 4096 in 43:0. */
#define TLBI_ADDR(addr, asid)                                                                      \
    ((u64)(asid) << TTBR_ASID_SHIFT | ((u64)(addr) >> 12 & 0xfffffffffffUL))

#define arm64_tlbi(op, operand)                                                                    \
    __asm__ volatile("dsb ishst; tlbi " #op ", %0; dsb ish; isb" ::"r"((u64)(operand)) : "memory")

/* Not the last-level-only forms: a flush must also forget the tables on the way to the page. */
static inline void arch_tlb_flush_page(const struct pt_root *root, vaddr_t addr)
{
    arm64_tlbi(vae1is, TLBI_ADDR(addr, root->asid));
}
static inline void arch_tlb_flush_root(const struct pt_root *root)
{
    arm64_tlbi(aside1is, TLBI_ADDR(0, root->asid));
}
static inline void arch_tlb_flush_kernel_page(vaddr_t addr)
{
    arm64_tlbi(vaae1is, TLBI_ADDR(addr, 0));
}
static inline void arch_tlb_flush_all(void)
{
    __asm__ volatile("dsb ishst; tlbi vmalle1is; dsb ish; isb" ::: "memory");
}

/* TTBR0_EL1 with the ASID in its upper bits. Neither this root nor the last one has ASID 0: paging.c. */
static inline u64 arch_root_word(const struct pt_root *root)
{
    return paddr_value(root->table) | root->asid << TTBR_ASID_SHIFT;
}

void arch_pt_activate_user(const struct pt_root *root);
#define ARCH_SWITCH_ROOT 1
static inline void arch_pt_switch_user(const struct pt_root *root)
{
    if (root) {
        sysreg_write(ttbr0_el1, root->word);
        isb();
    } else {
        arch_pt_activate_user(NULL);
    }
}

/* Make stores to page tables visible to the walker, at entries where it saw "not present" before. */
static inline void arch_pt_publish(void) { __asm__ volatile("dsb ishst; isb" ::: "memory"); }
