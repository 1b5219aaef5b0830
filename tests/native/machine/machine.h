/* SPDX-License-Identifier: MIT */
/*
 * The native machine: RAM that is an array, CPUs that one thread plays in turn, a TLB that keeps every translation
 * until it is flushed. mm/ runs on it unchanged.
 *
 * A *world* is one life of that machine, from power on to power off. mm's file-scope state is kept in two sections
 * of its own (native.mk), so a world begins by restoring their contents from the program's start. This takes some
 * microseconds, and nothing of the last world is left.
 */
#pragma once

#include <quire/folio.h>
#include <quire/mm.h>
#include <quire/mm_event.h>
#include <quire/percpu.h>

#define WORLD_FIRST_PFN 0x400UL   /* where RAM begins: aligned, but not zero */
#define WORLD_MAX_FRAMES 16384UL  /* 64 MiB */
#define WORLD_CPUS 4u

/* Power on with this much memory: words, buddy, nr CPUs. Everything is free. */
void world_begin(u64 frames, unsigned cpus);
/* The word array of the world; a bad index is an AddressSanitizer report. */
extern memdesc_t world_words[WORLD_MAX_FRAMES];
/* What isn't free: frames, and objects in slabs. `poisoned` frames never come back. */
struct world_use {
    u64 frames, objects;
};
struct world_use world_use(void);
/*
 * Everything has been given back: compares frames and objects with what they were at power on. `poisoned` frames
 * are lost, each with its record.
 */
void world_end(u64 poisoned);

extern u64 world_preempt_points; /* how often mm/ let others run */
extern bool world_killed;        /* the answer of preempt_point() */

extern void (*world_waits)(void); /* called in each round of a waiting loop, if it isn't NULL */
extern u64 world_invalidations;    /* entries that arch_pte_invalidate() invalidated */

/* Code runs as this CPU from now on. */
void cpu_play(unsigned cpu);
/* No lock is held: true between operations. */
void check_no_locks(const char *after);

/* RAM as the frames' contents; free frames may not be touched (AddressSanitizer, else a pattern is compared). */
void ram_power_on(u64 frames);

/* --- the model TLB ----------------------------------------------------------------------------- */
void tlb_power_on(void);
/*
 * An access of user mode on this CPU at addr, with mm loaded: 0, or the fault (ACCESS_*), after which mm_fault() is
 * called and the access repeated. It uses the TLB's contents, right or wrong, and fills the TLB from the tables.
 */
int user_access(struct mm *mm, vaddr_t addr, unsigned access, u64 **word);
/*
 * The same with faults resolved: 0, or mm_fault()'s error. *value is read, or written if access is ACCESS_WRITE.
 * addr is a multiple of 8.
 */
int user_touch(struct mm *mm, vaddr_t addr, unsigned access, u64 *value);

/* Checks that a CPU's TLB holds only translations of mm that are in the tables; called between operations. */
void tlb_check(struct mm *mm);
/* Whether any CPU's TLB holds a translation of mm to one of these frames. */
bool tlb_shows(struct mm *mm, pfn_t pfn, u64 nr);
/* Whether any CPU's TLB holds a translation that allows this access at addr. */
bool tlb_allows(struct mm *mm, vaddr_t addr, unsigned access);

/* --- the model instruction caches: icache.c ---------------------------------------------------- */
void icache_power_on(void);
/* These frames will get other contents. */
void icache_frames_change(pfn_t pfn, u64 nr);
/* This CPU executes the frame: fails if the CPU may have cached older contents. */
void icache_execute(pfn_t pfn);
/* Whether the frame was maintained after its contents were stored. */
bool icache_maintained(pfn_t pfn);

/* --- other CPUs in between: meanwhile.c -------------------------------------------------------- */
/*
 * Call fn once: at the next event of this kind, or before the next access to the frame that holds the address. fn does
 * what other CPUs do between two instructions; it chooses the CPU by cpu_play().
 */
void meanwhile_at_event(enum mm_event_kind kind, void (*fn)(void));
void meanwhile_at_touch(const void *address, void (*fn)(void));
bool meanwhile_happened(void);
void meanwhile_event(enum mm_event_kind kind); /* an event of this kind happens now */

/* --- panics ------------------------------------------------------------------------------------ */
/* The sentence of the next panic is wanted, not a failure: `panic_expected = true`, then PANICS(statement). */
#include <setjmp.h>
extern jmp_buf panic_jump;
extern bool panic_expected;
extern char panic_text[512];
/* Whether the statement panics; the world can't be used afterwards. */
#define PANICS(statement)                                                                          \
    ({                                                                                             \
        volatile bool panicked_ = false;                                                           \
        panic_expected = true;                                                                     \
        if (setjmp(panic_jump) == 0) {                                                             \
            statement;                                                                             \
        } else {                                                                                   \
            panicked_ = true;                                                                      \
        }                                                                                          \
        panic_expected = false;                                                                    \
        panicked_;                                                                                 \
    })
