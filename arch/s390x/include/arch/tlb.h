/* SPDX-License-Identifier: MIT */
/*
 * TLB maintenance (chapter 3 "Storage", Translation-Lookaside Buffer). IPTE and IDTE reach all
 * CPUs, and entries are tagged with the address-space-control element (ASCE) that they were made
 * under, so there are no ASIDs and no messages.
 *
 * A valid entry in a table that another CPU has loaded must not be changed by plain stores: that CPU may
 * be between reading it and using it. arch_pte_invalidate() makes it invalid and removes it from
 * all TLBs, after which the new value can be stored.
 */
#pragma once

#include <quire/types.h>
#include <quire/pt_root.h>
#include <arch/pgtable.h>

#define ARCH_TLB_BROADCAST     1
#define ARCH_FLUSH_ON_CLEAR    1
#define ARCH_BREAK_BEFORE_MAKE 0 /* flush on clear is enough */
#define ARCH_ASID_BITS         0

/*
 * Address-space-control element: table origin, private space, region-third table of full length. A private space has no
 * common segments and no low-address protection, which is for the kernel's lowcore only.
 */
#define ASCE_PRIVATE      0x100UL
#define ASCE_REGION_THIRD 0x4UL
#define ASCE_LENGTH_FULL  0x3UL
#define ASCE_USER_FLAGS   (ASCE_PRIVATE | ASCE_REGION_THIRD | ASCE_LENGTH_FULL)
#define ASCE_KERNEL_FLAGS (ASCE_REGION_THIRD | ASCE_LENGTH_FULL)

extern u64 s390x_kernel_asce, s390x_no_user_asce; /* paging.c */

/*
 * Make a valid page's entry invalid and remove it from all CPUs' TLBs; its other bits stay. `addr` is the exact address
 * that it translates; `ptep` may be any entry of the same table.
 */
static inline void arch_pte_invalidate(pte_t *ptep, vaddr_t addr)
{
    u64 table = (u64)ptep & ~(PT_TABLE_BYTES(0) - 1);
    __asm__ volatile("ipte %0,%1" ::"a"(table), "a"(addr) : "memory", "cc");
}

/* INVALIDATE DAT TABLE ENTRY, clearing by ASCE: remove all TLB entries made under this ASCE, on all CPUs. */
static inline void tlb_clear_asce(u64 asce)
{
    __asm__ volatile("idte %%r0,%0,%1" ::"a"(asce), "a"(0x800UL) : "memory", "cc");
}

static inline void arch_tlb_flush_root(const struct pt_root *root)
{
    tlb_clear_asce(paddr_value(root->table) | ASCE_USER_FLAGS);
}
static inline void arch_tlb_flush_page(const struct pt_root *root, vaddr_t addr)
{
    (void)addr; /* single pages are flushed by arch_pte_invalidate(), which knows the entry */
    arch_tlb_flush_root(root);
}
static inline void arch_tlb_flush_kernel_page(vaddr_t addr)
{
    (void)addr;
    tlb_clear_asce(s390x_kernel_asce);
}

/* COMPARE AND SWAP AND PURGE: clears all TLBs of all CPUs if the comparison is equal; here it always is. */
static inline void arch_tlb_flush_all(void)
{
    register u64 expected __asm__("r0") = 0;
    register u64 same __asm__("r1") = 0;
    u64 word = 0;

    __asm__ volatile("cspg %0,%2"
                     : "+d"(expected), "+m"(word)
                     : "a"((u64)&word | 1), "d"(same)
                     : "memory", "cc");
}

void arch_pt_activate_user(const struct pt_root *root);
static inline u64 arch_root_word(const struct pt_root *root) { return paddr_value(root->table) | ASCE_USER_FLAGS; }
/* A new table may lie where an old one was, with the same ASCE: flush what this CPU's TLB holds under it. */
#define ARCH_SWITCH_ROOT 1
static inline void arch_pt_switch_user(const struct pt_root *root)
{
    u64 control = root ? arch_root_word(root) : s390x_no_user_asce;

    __asm__ volatile("lctlg %%c1,%%c1,%0" ::"Q"(control) : "memory");
    if (root)
        __asm__ volatile("ptlb" ::: "memory");
}

/* Invalid entries are never kept in a TLB, and stores become visible in order: nothing to do. */
static inline void arch_pt_publish(void)
{
    barrier();
}
