/* SPDX-License-Identifier: MIT */
/* A page-table root: all that a CPU needs to translate, and the argument of a flush. */
#pragma once

#include <quire/types.h>

struct pt_root {
    paddr_t table;  /* physical address of the top-level table */
    u64 asid;       /* address space identifier; 0 where the machine has none, and for the kernel */
    u64 word;       /* ARCH_ASID_BITS: what a CPU's register gets to load it; comes with the ASID */
    u64 generation; /* of the ASID, mm/tables/asid.c */
    u32 cpumask;    /* CPUs that may hold translations of it */
    u32 loaded;     /* ARCH_FLUSH_ON_CLEAR: CPUs that have it loaded, or are about to; see <quire/batch.h> */
    u32 storing;    /* ARCH_FLUSH_ON_CLEAR: CPUs that change its entries by plain stores */
};
