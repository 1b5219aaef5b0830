/* SPDX-License-Identifier: MIT */
/*
 * Where the kernel finds physical memory: address arithmetic of the direct map, which <quire/direct_map.h> describes.
 */
#pragma once

#include <quire/types.h>
#include <arch/layout.h>

static inline void *paddr_address(paddr_t pa) { return (void *)(vaddr_t)(DIRECT_MAP_BASE + paddr_value(pa)); }
static inline void *pfn_address(pfn_t pfn) { return paddr_address(pfn_to_paddr(pfn)); }
static inline paddr_t address_paddr(const void *address) { return mk_paddr((u64)address - DIRECT_MAP_BASE); }
static inline pfn_t address_pfn(const void *address) { return paddr_to_pfn(address_paddr(address)); }
