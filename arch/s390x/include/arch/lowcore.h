/* SPDX-License-Identifier: MIT */
/*
 * The lowcore: the first 8 KiB of real memory, where the CPU stores information about an interruption, and finds the
 * PSW of its handler (z/Architecture Principles of Operation, chapter 3 "Storage", Assigned Storage
 * Locations). Prefixing gives every CPU 8 KiB of its own there. 0x200..0xfff are free for programs: the kernel puts
 * there two registers during entry, and the pointer to struct percpu.
 *
 * Each class of interruption has its own save place, because a program exception may come inside
 * the handling of any other. Nothing here survives the next interruption of its class: handlers
 * copy what they need to the trap frame while interruptions are off.
 */
#pragma once

#define LOWCORE_CPU   0x380 /* address of the struct percpu pointer, for this_cpu() */
#define LOWCORE_BYTES 8192

#ifndef __ASSEMBLER__
#include <quire/types.h>

struct percpu;

struct psw {
    u64 mask;
    u64 addr;
};

struct lowcore {
    u8 unused_000[0x80];
    u32 ext_parameter; /* 0x080 */
    u16 ext_cpu;       /* 0x084 */
    u16 ext_code;      /* 0x086 */
    u16 svc_length;    /* 0x088, bytes of the instruction */
    u16 svc_code;      /* 0x08a */
    u16 pgm_length;    /* 0x08c, bytes of the instruction */
    u16 pgm_code;      /* 0x08e */
    u32 data_code;     /* 0x090, of a data exception */
    u8 unused_094[0xa8 - 0x94];
    u64 translation; /* 0x0a8, TEID: address and nature of a refused access */
    u8 unused_0b0[0xb8 - 0xb0];
    u32 io_subchannel; /* 0x0b8 */
    u8 unused_0bc[0xe8 - 0xbc];
    u64 mcheck_code; /* 0x0e8 */
    u8 unused_0f0[0x120 - 0xf0];
    struct psw restart_old, ext_old, svc_old, pgm_old, mcheck_old, io_old; /* 0x120 */
    u8 unused_180[0x1a0 - 0x180];
    struct psw restart_new, ext_new, svc_new, pgm_new, mcheck_new, io_new; /* 0x1a0 */

    u64 restart_save[2], ext_save[2], svc_save[2], pgm_save[2], io_save[2]; /* 0x200, r14 and r15 */
    struct psw return_psw;                                                  /* 0x250 */
    u8 unused_260[LOWCORE_CPU - 0x260];
    struct percpu *cpu; /* 0x380 */
    u8 unused_388[0x1280 - 0x388];
    u64 mcheck_gprs[16]; /* 0x1280, stored by the machine check itself */
    u8 unused_1300[LOWCORE_BYTES - 0x1300];
};

_Static_assert(offsetof(struct lowcore, translation) == 0xa8, "assigned storage location");
_Static_assert(offsetof(struct lowcore, mcheck_code) == 0xe8, "assigned storage location");
_Static_assert(offsetof(struct lowcore, restart_old) == 0x120, "assigned storage location");
_Static_assert(offsetof(struct lowcore, io_new) == 0x1f0, "assigned storage location");
_Static_assert(offsetof(struct lowcore, cpu) == LOWCORE_CPU, "this_cpu() reads it there");
_Static_assert(sizeof(struct lowcore) == LOWCORE_BYTES, "prefix areas are 8 KiB");

/* For functions that use a pointer to the lowcore, which is null. */
#define ALLOWS_NULL __attribute__((no_sanitize("null")))

extern struct lowcore lowcore; /* this CPU's lowcore, at address 0 (entry.S) */

/* Let the interruptions of the CPU with lowcore `lc` go to trap.S, under PSW `mask`. */
void lowcore_set_vectors(struct lowcore *lc, u64 mask);
#endif
