/* SPDX-License-Identifier: MIT */
/*
 * Inside uv/soft: what the enforcement stores about each guest. All state is in one struct uv_soft. Entry i of an array
 * is about guest i + 1 (of the locks: about guest i) and changes under that guest's lock, which isn't
 * part of it.
 */
#pragma once

#include <quire/space.h>
#include <quire/spinlock.h>
#include <quire/uv.h>
#include <arch-generic/context.h>
#include "../core/enforce.h"

struct soft_guest {
    u64 nr_pages;
    struct mm mm; /* only root, need_gen and refs are used: what a CPU needs to run the guest */
    u32 donated[UV_MAX_DONATED]; /* frames for tables, as offsets from the first frame; [0, used) are in use */
    unsigned nr_donated, nr_used;
    u32 fragment, fragment_frame; /* for tables smaller than a frame: bytes in use, and of which frame */
    struct trapframe *frame; /* while the guest runs: the host thread's user frame, which holds the guest's registers */
    struct trapframe guest_frame, host_frame;
    struct arch_fpu guest_fpu, host_fpu;
};

struct uv_soft {
    spinlock_t lock[UV_MAX_GUESTS + 1]; /* [0]: the making of the frame table */
    struct soft_guest guests[UV_MAX_GUESTS];
};
extern struct uv_soft uv_soft;

static inline struct soft_guest *soft_guest(unsigned guest) { return &uv_soft.guests[guest - 1]; }

/* The user frame of the host thread that calls. */
struct trapframe *soft_frame(void);
