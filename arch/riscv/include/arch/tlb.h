/* SPDX-License-Identifier: MIT */
/* TLB maintenance of this hart only (Privileged ISA 4.2.1, SFENCE.VMA); other harts are asked by message. */
#pragma once

#include <quire/types.h>
#include <quire/pt_root.h>
#include <arch/cpu.h>

#define ARCH_TLB_BROADCAST 0
#define ARCH_FLUSH_ON_CLEAR 0
#define ARCH_BREAK_BEFORE_MAKE 0
#define ARCH_ASID_BITS 16

static inline void arch_tlb_flush_page(const struct pt_root *root, vaddr_t addr)
{
    __asm__ volatile("sfence.vma %0, %1" ::"r"(addr), "r"((u64)root->asid) : "memory");
}
static inline void arch_tlb_flush_root(const struct pt_root *root)
{
    __asm__ volatile("sfence.vma zero, %0" ::"r"((u64)root->asid) : "memory");
}
static inline void arch_tlb_flush_kernel_page(vaddr_t addr)
{
    __asm__ volatile("sfence.vma %0, zero" ::"r"(addr) : "memory");
}
/* satp = mode 8 (Sv39), 16 bits of ASID, frame number (Privileged ISA 4.1.11). */
#define SATP_SV39 (8UL << 60)
#define SATP_ASID_SHIFT 44
static inline u64 arch_root_word(const struct pt_root *root)
{
    return SATP_SV39 | root->asid << SATP_ASID_SHIFT | paddr_to_pfn(root->table);
}

void arch_pt_activate_user(const struct pt_root *root);
#define ARCH_SWITCH_ROOT 1
static inline void arch_pt_switch_user(const struct pt_root *root)
{
    if (root)
        csr_write(satp, root->word);
    else
        arch_pt_activate_user(NULL);
}

static inline void arch_tlb_flush_all(void) { __asm__ volatile("sfence.vma" ::: "memory"); }

/* Make stores to page tables visible to this hart's walker, at entries where it saw "not present" before. */
static inline void arch_pt_publish(void) {}
