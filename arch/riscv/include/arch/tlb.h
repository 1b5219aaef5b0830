/* SPDX-License-Identifier: MIT */
/* TLB maintenance of this hart only (Privileged ISA 4.2.1, SFENCE.VMA); other harts are asked by message. */
#pragma once

#include <quire/types.h>
#include <quire/pt_root.h>

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
static inline void arch_tlb_flush_all(void) { __asm__ volatile("sfence.vma" ::: "memory"); }

/* Make stores to page tables visible to this hart's walker, at entries where it saw "not present" before. */
static inline void arch_pt_publish(void) {}
