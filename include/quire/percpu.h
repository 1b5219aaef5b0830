/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU data. this_cpu() is the struct of the CPU that asks; valid only while the caller can't be
 * moved (interrupts off, or inside the kernel: kernel code moves only where it blocks).
 *
 * Members above the line are used by entry code in assembly through generated offsets.
 */
#pragma once

#include <quire/types.h>
#include <quire/boot_info.h>
#include <quire/lock_check.h>
#include <arch/percpu.h>

struct thread;
struct mm;
struct runqueue;

#define EMERGENCY_STACK_SIZE 4096
#define KSTACK_SIZE (16 * KiB)

#define FRAME_CACHE_CLASSES 2
#define FRAME_CACHE_CAPACITY 64

/* Free blocks kept aside, <quire/frame_cache.h>. */
struct frame_class {
    u32 nr;
    u32 pfn[FRAME_CACHE_CAPACITY];
};
struct frame_cache {
    u32 locked; /* mostly taken by this CPU only, for a few instructions; not in the held-lock counter */
    struct frame_class class[FRAME_CACHE_CLASSES]; /* single frames; blocks of the default folio size */
};

/* <quire/watch.h> */
struct watch {
    u64 progress, seen; /* counted by the CPU itself; as another CPU saw it last */
    u64 since_ns;       /* since when it has been the same */
    bool watched;       /* a process's thread runs */
    u32 told;
};

struct percpu {
    struct percpu *self;
    u64 kernel_sp;       /* top of the current thread's kernel stack: where traps from user mode go */
    u64 emergency_sp;    /* top of the emergency stack: stack overflow, machine checks */
    u64 scratch[4];      /* for entry code */
    struct thread *current;
    struct arch_percpu arch;
    const void *calls;   /* the running thread's table of system calls, <quire/syscall.h> */
    struct thread *left; /* the thread that ran before the last switch: its kernel stack was left. <quire/upcalls.h> */
    bool user_work;      /* something to do before the next return to user mode: trap_user_work() */
    /* ------------------------------------------------------------------------------------------ */
    unsigned cpu;        /* index, 0..nr_cpus-1 */
    u32 bit;             /* 1 << cpu: in masks of CPUs */
    u64 hwid;
    bool online;
    bool in_panic;
    unsigned irq_depth;  /* > 0: inside an interrupt handler */

    struct lock_list locks;            /* that the current thread holds */
    struct runqueue *runqueue;         /* kernel/sched/sched.c */
    u64 blocked_here, running_here;    /* thread->place of this CPU's threads in these states */
    struct thread *fpu_owner;          /* whose floating-point registers the CPU holds: kernel/sched/user_registers.h */
    struct mm *active_mm;              /* whose user page tables are loaded on this CPU; NULL: none */
    struct mm *loading_mm;             /* set before active_mm, mm/tables/asid.c; afterwards the same */
    u64 asid_generation;               /* of the last flush for a new one, mm/tables/asid.c */
    u64 fenced_gen;                    /* code generation of the last instruction fence, mm/folios/cacheflush.c */
    struct watch watch;
    u64 counters[64];                  /* <quire/counters.h> */
    struct frame_cache frames;         /* only its CPU takes frames, any CPU may empty it: mm/frames/frame_cache.c */

    u8 emergency_stack[EMERGENCY_STACK_SIZE] __aligned(16);
};

extern struct percpu percpu_area[MAX_CPUS];
extern unsigned nr_cpus; /* CPUs that exist, set from boot_info before any other is started */

#include <arch/cpu.h> /* this_cpu() and the rest of the CPU contract */

static inline struct percpu *cpu_area(unsigned cpu) { return &percpu_area[cpu]; }
