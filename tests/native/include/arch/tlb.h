/* SPDX-License-Identifier: MIT */
/*
 * TLB maintenance of the native machine: the model TLB drops only the translations that a flush names. Functions in
 * tests/native/machine/tlb.c.
 */
#pragma once

#include <quire/types.h>
#include <quire/pt_root.h>
#include <arch/constants.h>
#include <arch/pgtable.h>

#undef ARCH_SWITCH_ROOT /* a model of a machine has the usual way */

void arch_tlb_flush_page(const struct pt_root *root, vaddr_t addr);
void arch_tlb_flush_root(const struct pt_root *root);
void arch_tlb_flush_kernel_page(vaddr_t addr);
void arch_tlb_flush_all(void);
/* Where ARCH_FLUSH_ON_CLEAR is 1: all CPUs drop the translation of this entry. */
void arch_pte_invalidate(pte_t *ptep, vaddr_t addr);

static inline void arch_pt_publish(void) {}
