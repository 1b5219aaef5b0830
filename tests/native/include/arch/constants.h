/* SPDX-License-Identifier: MIT */
/*
 * The properties of the native machine: the constants that every arch/tlb.h and arch/cacheflush.h defines. When mm is
 * built with the page-table format of a real machine, this file is made from that machine's headers.
 *
 * ASIDs of four bits run out quickly, so a test sees several generations.
 */
#pragma once

#define ARCH_TLB_BROADCAST 0
#define ARCH_FLUSH_ON_CLEAR 0
#define ARCH_BREAK_BEFORE_MAKE 0
#define ARCH_ASID_BITS 5
#define ARCH_ICACHE_COHERENT 0
#define ARCH_ICACHE_LOCAL_FENCE 1
