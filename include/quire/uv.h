/* SPDX-License-Identifier: MIT */
/*
 * The toy ultravisor's interface: the host's calls, all through uvcall(). It keeps its own table of who owns
 * each frame, trusts no caller, and a call checks everything first: it changes all it says or nothing.
 *
 * This is the *soft* ultravisor: linked into the kernel, a call is a function call, and what enforces secrecy is
 * the direct map and the guest's page tables, which it alone writes for secure frames. There is no encryption, no
 * export and no import of exported pages yet, and a kernel that maps a secure frame on purpose isn't stopped.
 *
 * Locks: guest (by id), then frame (compare-and-swap through BUSY). Callers hold none.
 */
#pragma once

#include <quire/types.h>
#include <quire/trap_upcalls.h>

#define UV_MAX_GUESTS 16
#define UV_BATCH 512 /* frames a call handles at most; it returns how many it did */
#define UV_MEASUREMENT_BYTES 32

enum uv_call {
    UV_INIT,          /* table frame, frames: donate the frame table; once */
    UV_CREATE,        /* guest pages: -> guest id */
    UV_DONATE,        /* id, frame: a frame for the guest's page tables */
    UV_NEEDED,        /* id: -> table frames that the guest may need in all */
    UV_LOAD,          /* id, guest page, frame, nr, ACCESS_*: secure frames with their contents; before the first run */
    UV_IMPORT,        /* id, guest page, frame, nr: secure frames, zeroed; UNSHARING ones keep their contents */
    UV_EXPOSE,        /* id, frame, nr: the host takes what the guest shared (direct map) */
    UV_REFUSE,        /* id, frame, nr: the host won't: the frames are secret again */
    UV_RUN,           /* id, struct trapframe *, struct uv_exit *, result: enter the guest */
    UV_STOP,          /* id: the thread inside is going away; the guest will not run again */
    UV_QUERY,         /* frame: -> struct uv_frame_state in one number, uv_state_*() */
    UV_COUNT,         /* id, enum uv_state: -> frames of the guest in that state */
    UV_DESTROY,       /* id: zero and free up to UV_BATCH frames; -> how many, 0: the guest is gone */
    UV_RECLAIM,       /* id: -> a donated frame back, 0: none left. After UV_DESTROY said 0 */
    UV_MEASUREMENT,   /* id, u8[32] */
    UV_NR_CALLS,
};

enum uv_state { UV_NONSECURE, UV_SECURE, UV_SHARED, UV_UNSHARING, UV_OWN, UV_BUSY, UV_NR_STATES };

/* Why a guest left, and what the host needs for its answer. */
struct uv_exit {
    u32 kind; /* enum quire_guest_exit_kind */
    u64 page, nr, value;
    char text[128];
};

/* 0 or more: as each call says. -EINVAL (arguments), -EBUSY, -EPERM (wrong state), -ENOMEM (donate more), -ESRCH. */
s64 uvcall(enum uv_call call, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);

static inline enum uv_state uv_state_of(u64 query) { return query & 15; }
static inline unsigned uv_guest_of(u64 query) { return query >> 4 & 0xffff; }
static inline u64 uv_page_of(u64 query) { return query >> 24; }
const char *uv_state_name(enum uv_state state);

/* A trap from user mode inside a guest. True: the guest left, *tf is the host's frame again. */
bool uv_guest_trap_call(unsigned id, struct trapframe *tf);
bool uv_guest_trap_fault(unsigned id, struct trapframe *tf, vaddr_t addr, unsigned access);
bool uv_guest_trap_exception(unsigned id, struct trapframe *tf, enum exception what, u64 code);
struct mm;
struct mm *uv_guest_mm(unsigned id); /* the address space to load while the guest runs */
