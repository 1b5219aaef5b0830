/* SPDX-License-Identifier: MIT */
/*
 * cachesan: shared by its files. Time is one counter that every maintenance operation advances; a store keeps the time
 * at which it was made. An operation at time t comes after the stores whose time is less than t.
 */
#pragma once

#include <pthread.h>
#include <stdarg.h>
#include "api.h"

typedef uint64_t u64;
typedef uint32_t u32;

#define MAX_CPUS 64
#define NOWHERE  (~0UL) /* no guest physical address */
#define NEVER    (~0UL) /* a time that never comes */

/* --- options (cachesan.c) --------------------------------------------------------------------- */
struct options {
    u64 ram_base, ram_bytes;
    bool quirk;      /* QEMU 7.2: "loads" calls back for stores, and for them alone */
    bool frame;      /* reports between the bytes 0x1e and 0x1f, to distinguish them from console text */
    bool from_reset; /* arm64: don't wait for SCTLR to be written */
    bool idc, dic;   /* arm64: what CTR_EL0 says */
    bool coarse;     /* arm64: assume that every operation by address is for all lines */
    unsigned max_reports;
};
extern struct options options;

/* --- time --------------------------------------------------------------------------------------- */
extern u64 clock_now;
static inline u64 now(void) { return __atomic_load_n(&clock_now, __ATOMIC_RELAXED); }
static inline u64 tick(void) { return __atomic_add_fetch(&clock_now, 1, __ATOMIC_RELAXED); }

/* --- memory (shadow.c) ------------------------------------------------------------------------ */
/* The last store to each word of 4 bytes; 0: none since QEMU started. */
typedef u64 store_t;
static inline u64 store_time(store_t s) { return s >> 30; }
static inline unsigned store_cpu(store_t s) { return s >> 24 & (MAX_CPUS - 1); }
u64 store_pc(store_t s); /* 0: not known */

extern store_t *stores;
static inline u64 word_of(u64 pa) { return (pa - options.ram_base) >> 2; }
static inline bool is_ram(u64 pa) { return pa - options.ram_base < options.ram_bytes; }

bool shadow_open(void);
void *shadow_array(u64 bytes);          /* zeroed, costs memory only where it is written */
u32 site_of(u64 pc);                    /* a small number for the address of an instruction */
void note_store(u64 pa, unsigned bytes, unsigned cpu, u32 site);
bool found_ram(void);
u64 host_to_guest(const void *host);    /* NOWHERE: not in the machine's RAM */

/* --- reports (report.c) ------------------------------------------------------------------------- */
struct totals {
    u64 stores, checked, stale, reports, operations, exact, outside;
};
extern struct totals totals;
#define count(what) __atomic_fetch_add(&totals.what, 1, __ATOMIC_RELAXED)

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report(unsigned cpu, u64 pc, u64 pa, store_t s, const char *missing, ...) __attribute__((format(printf, 5, 6)));

/* --- the two models (riscv.c, arm64.c) ---------------------------------------------------------- */
/* Looks at an instruction that is being translated, and asks to be called when it executes if it matters. */
void riscv_translate(struct qemu_plugin_insn *insn, u32 opcode, unsigned size);
void arm64_translate(struct qemu_plugin_insn *insn, u32 opcode);
/* One word that a CPU executes and that was stored to. */
void riscv_check(unsigned cpu, u64 pc, u64 pa, store_t s);
void arm64_check(unsigned cpu, u64 pc, u64 pa, store_t s);
bool arm64_open(void);
void arm64_cpu(unsigned cpu);           /* called on the CPU's own thread before it runs */
const char *arm64_mode(void);
void arm64_note_page(unsigned cpu, u64 va, u64 pa); /* a store to va went there */
