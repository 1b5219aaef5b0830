/* SPDX-License-Identifier: MIT */
/* Structures that system calls fill in. All fields have the same size and place on every machine. */
#pragma once

#include <stdint.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/mman.h>
#include <quire/syscall_table.h>

enum {
#define X(number, name, arguments, errors) QUIRE_SYS_##name = number,
    QUIRE_SYSCALLS(X)
#undef X
    QUIRE_NR_SYSCALLS
};

#define QUIRE_NAME_MAX 64
#define QUIRE_IN_CHILD 0x10000 /* the result of process_clone in the copy: no handle is that large */
#define QUIRE_READ_KEYS 1      /* read, of the console: one key as it was typed, without editing and echo */
#define QUIRE_PRIORITY_FIRST 3 /* of the first program's threads; 1 is the lowest */
#define QUIRE_PRIORITY_MAX 6   /* the ceiling of the first program */

struct quire_process {
    uint64_t id, parent, threads, frames, tables, quota_used, quota_limit, run_ns;
    char name[QUIRE_NAME_MAX];
    uint32_t exited, cpu;
    char state[16];
};

/*
 * Where a process was when a fault ended it, or a signal that it gave itself (abort). The return addresses come from
 * the program's own stack, so they may be anything. A function that had just begun, or that calls no other, may have no
 * frame: its return address is `link`.
 */
#define QUIRE_CRASH_CALLS 16
struct quire_crash {
    char name[QUIRE_NAME_MAX]; /* of the program, without its folder; empty: the process ended in another way */
    uint64_t pc;               /* 0 too: a program may call a null pointer */
    uint64_t address;          /* of the memory that it accessed */
    uint64_t link;             /* the register for return addresses, or the word at the stack pointer; 0: not known */
    uint64_t calls[QUIRE_CRASH_CALLS]; /* return addresses, the innermost first; 0: not known, or no more */
};

/* How a process starts. A copy has registers: entry is 0 then. */
#define QUIRE_START_HANDLES 8
struct quire_start {
    uint64_t entry, stack, arguments[2];
    uint32_t nr_same;  /* the caller's handles [0, nr_same) get the same numbers in the process, without RIGHT_OWN */
    uint32_t nr_given; /* or, with nr_same 0: these get the numbers from 0 on */
    int32_t handle[QUIRE_START_HANDLES];
    uint32_t rights[QUIRE_START_HANDLES]; /* 0: the same, but RIGHT_OWN */
};

#define QUIRE_FAULTS_TRACE 1 /* process_faults: system calls, too */

/*
 * Handles that a program begins with, besides the console's 0 to 2. The boot archive is a memory object, to be read and
 * mapped: <quire/archive.h>.
 */
#define QUIRE_ARCHIVE 3
#define QUIRE_SPAWN_HANDLES 4 /* what spawn() passes on: the handles below this number */
#define QUIRE_DEVICES 15 /* init's handle to all devices, for memory_device and interrupt_open; it may pass it on */
/* interrupt_open: how the source asks for service */
#define QUIRE_INTERRUPT_LEVEL 0
#define QUIRE_INTERRUPT_EDGE 1
/* memory_create: frames come in blocks that one entry of an upper table maps, if there are any */
#define QUIRE_MEMORY_LARGE 1

/* For space_map: what to map, and where. */
struct quire_map {
    uint64_t address, bytes; /* address: a hint; with MAP_FIXED or MAP_FIXED_NOREPLACE, the place */
    uint32_t prot, flags;    /* PROT_*; MAP_* */
    int64_t memory;          /* handle of a memory object; -1: anonymous memory */
    uint64_t offset;         /* of the object's first byte that is mapped */
};

#define QUIRE_NR_TYPES 8
#define QUIRE_NR_ORDERS 19

struct quire_memory {
    uint64_t frames, free_frames;
    uint64_t type[QUIRE_NR_TYPES]; /* frames by memdesc type */
    char type_name[QUIRE_NR_TYPES][16];
    uint64_t free_blocks[QUIRE_NR_ORDERS]; /* by order */
    uint64_t folios[QUIRE_NR_ORDERS];      /* folios by order */
    uint64_t folios_with_holes, holes, poisoned, slab_objects, cpus, cpus_online;
};

struct quire_area {
    uint64_t start, end, offset;
    uint32_t prot, flags;     /* PROT_*; QUIRE_AREA_* */
    uint64_t mapped;          /* entries present */
    uint64_t batches;         /* runs of consecutive frames of one folio */
    uint64_t largest_batch;
    uint64_t folios[QUIRE_NR_ORDERS]; /* batches by order of the folio they show */
    uint64_t zero_entries, block_entries, hole_entries, contiguous_entries, broken_entries;
};
#define QUIRE_AREA_SHARED 1
#define QUIRE_AREA_STACK 2
#define QUIRE_AREA_HOLE 16
#define QUIRE_AREA_OBJECT 256

/* How an address is translated: one step for each level, from the top down, then what the frame's word says. */
#define QUIRE_WALK_LEVELS 5
struct quire_walk_step {
    uint64_t level, table;  /* table: the physical address of its first entry */
    uint64_t index, entry;  /* which entry, and its raw value */
    char text[128];         /* the entry in words */
};
enum quire_walk_end { QUIRE_WALK_EMPTY, QUIRE_WALK_BROKEN, QUIRE_WALK_CLOSED, QUIRE_WALK_FRAME };

struct quire_walk {
    uint32_t steps, end;    /* steps taken; enum quire_walk_end: nothing, a mark, no access, a frame */
    struct quire_walk_step step[QUIRE_WALK_LEVELS];
    uint64_t area_start, area_end; /* the area that the address lies in; 0, 0: none */
    uint64_t frame, reach;  /* the address's frame; frames that one TLB entry may cover */
    uint64_t word;
    char type[16];          /* of the word */
    char kind[24];          /* MISC: which */
    uint64_t folio_first, folio_order, folio_refs, folio_mapped, folio_holes, folio_broken; /* refs 0: no folio */
    uint64_t hole_first, hole_nr, hole_refs, hole_mapped; /* nr 0: no hole */
};

/* Why guest_run() came back. */
enum quire_guest_exit_kind {
    QUIRE_GUEST_CONSOLE,   /* text to print */
    QUIRE_GUEST_SHARE,     /* pages [page, page + nr): asks the host to make a hole */
    QUIRE_GUEST_UNSHARE,   /* asks the host to give them back */
    QUIRE_GUEST_YIELD,     /* waits for the host; value is the guest's word to it */
    QUIRE_GUEST_EXIT,      /* ended with status value */
    QUIRE_GUEST_FAULT,     /* did something forbidden: text says what */
    QUIRE_GUEST_PREEMPTED, /* time slice over: run it again */
};

struct quire_guest_exit {
    uint32_t kind, reserved;
    uint64_t page, nr, value;
    char text[128];
};

struct quire_guest_info {
    uint64_t folio_frames, first_frame;
    uint64_t folio_words, hole_words; /* its words that point to the folio; to a struct insecure_mem */
    uint64_t holes, refs, map_count;
    uint64_t secure_frames, shared_frames; /* as uv counts them */
    uint64_t direct_blocks, direct_pages, direct_absent, direct_tables;
    uint64_t hole_first, hole_nr, hole_refs;
};

/* test_event kinds */
enum quire_test_event {
    QUIRE_TEST_LIST,    /* text: suite.name; value: index */
    QUIRE_TEST_DIAG,    /* text: a line for the report */
    QUIRE_TEST_FAIL,    /* text: what failed */
    QUIRE_TEST_SKIP,    /* text: why */
    QUIRE_TEST_CHECKPOINT, /* text: its name */
    QUIRE_TEST_ALLOW_LEAK, /* text: why the books need not balance */
};
