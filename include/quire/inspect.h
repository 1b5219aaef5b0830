/* SPDX-License-Identifier: MIT */
/*
 * struct inspect_root: the only struct that programs outside the machine know. They find it by its symbol, or by its
 * magic number at the start of the kernel's data, and they find everything else through it. Pointers are link
 * addresses.
 */
#pragma once

#include <quire/types.h>

#define INSPECT_MAGIC 0x5155495245303031UL /* "QUIRE001" */
/* 2: whatever tools/ptwalk needs, behind the fields of version 1; 3: shadows; 4: inspect_uv.spaces */
#define INSPECT_VERSION 4

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
    /* --- since version 2; tools/ptwalk/root.py reads them in this order --- */
    u64 nr_frames;                                                      /* of RAM */
    u64 user_top, kvmap_base, kvmap_size;
    u64 folio_flags;                                                    /* struct folio */
    u64 hole_refs, hole_saved, hole_folio, hole_map_count, hole_kind;   /* struct insecure_mem */
    u64 poison_pfn, poison_saved;                                       /* struct hwpoison */
    u64 ptdesc_level, ptdesc_order, ptdesc_fragments, ptdesc_pfn, ptdesc_mm, ptdesc_deposits; /* struct ptdesc */
    u64 early_ptdesc;       /* address of the ptdesc that stands for all tables made before the slabs */
    u64 mm_table;           /* struct mm: physical address of its top table */
    u64 processes;          /* address of the list of all processes */
    u64 process_link, process_id, process_name, process_mm; /* struct process */
    u64 uv;                 /* address of struct inspect_uv */
    u64 checkpoint;         /* address of struct inspect_checkpoint; 0 in release builds */
    u64 checkpoint_even, checkpoint_odd; /* functions for breakpoints */
    u64 shadow_first, shadow_nr, shadow_distance; /* ICACHE=stale, <quire/exec_pfn.h>: frames with shadows; else 0 */
};
extern struct inspect_root inspect_root;

/* The ultravisor's part, filled in by itself (uv/soft/inspect.c). */
struct inspect_uv {
    u64 guests, guest_size, nr_guests;              /* array of struct uv_guest */
    u64 guest_state, guest_dead;                    /* offset, the state without tables */
    /* address of the pointer to its frame table, biased like the words */
    u64 frames, frame_size;
    u64 state_secure, state_shared, state_unsharing; /* bits 0-3 of a frame's first word */
    /* array of struct soft_guest, one each; offset of the top table's address */
    u64 spaces, space_size, space_table;
};
extern const struct inspect_uv inspect_uv;

/*
 * test_checkpoint() fills in number and name and calls checkpoint_even() and checkpoint_odd() in turn, one call for
 * each look. A debugger with a breakpoint there looks at the machine, writes its answer and lets it go on.
 */
enum { CHECKPOINT_NOBODY, CHECKPOINT_FINE, CHECKPOINT_AGAIN, CHECKPOINT_WRONG };
struct inspect_checkpoint {
    u64 number, answer, look; /* 1 for the first look at this checkpoint, 2 for the second, ... */
    char name[64];
};

void inspect_init(void);
