/* SPDX-License-Identifier: MIT */
/*
 * struct inspect_root: the one thing that programs outside the machine know. They find it by symbol, or by its
 * magic at the start of the kernel's data, and everything else through it. Pointers are link addresses.
 */
#pragma once

#include <quire/types.h>

#define INSPECT_MAGIC 0x5155495245303031UL /* "QUIRE001" */
#define INSPECT_VERSION 1

struct inspect_root {
    u64 magic, version;
    char build[64];
    u64 words;              /* address of the word of frame `first` */
    u64 first, end;         /* frame numbers */
    u64 direct_map_base, image_offset;
    u64 percpu, percpu_size, nr_cpus;
    u64 events, event_size, event_ring, event_next; /* 0 in release builds */
    u64 kernel_root;        /* physical address of the kernel's top table */
    u64 results, results_size; /* test results, <quire/test_runner.h> */
    u64 folio_size, folio_pfn, folio_order, folio_refs, folio_map_count; /* struct folio: size, offsets */
    u64 hole_first, hole_nr;                                            /* struct insecure_mem */
};
extern struct inspect_root inspect_root;

void inspect_init(void);
