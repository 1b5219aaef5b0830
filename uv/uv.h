/* SPDX-License-Identifier: MIT */
/* Inside uv/: guests and the frame table. State lives in struct uv; there is one root. */
#pragma once

#include <quire/mm.h>
#include <quire/sha256.h>
#include <quire/uv.h>
#include <arch-generic/context.h>

#define UV_MAX_DONATED 2048

enum uv_guest_state { UVG_FREE, UVG_CREATED, UVG_READY, UVG_RUNNING, UVG_STOPPED, UVG_DEAD };

struct uv_guest {
    spinlock_t lock;
    enum uv_guest_state state;
    unsigned id;
    u64 nr_pages;
    struct mm mm; /* only root, need_gen: what a CPU needs to run it */
    u32 donated[UV_MAX_DONATED]; /* frames for tables, as offsets from the first frame; [0, used) are in use */
    unsigned nr_donated, nr_used;
    u32 fragment, fragment_frame; /* tables smaller than a frame: bytes used of which frame */
    u64 count[UV_NR_STATES];
    u64 next_destroy; /* guest page that UV_DESTROY comes to next */
    struct sha256 measurement;
    struct trapframe guest_frame, host_frame;
    struct arch_fpu guest_fpu, host_fpu;
    struct uv_exit *exit;
    vaddr_t last_fault;
    bool answer_due; /* the guest waits for the result of a call */
};

/* 16 bytes a frame: state, guest, guest page in one word that changes by compare-and-swap. */
struct uv_frame {
    u64 word;
    u64 exports; /* counter of the page, for export and import */
};

struct uv {
    struct uv_frame *frames; /* [pfn], biased; NULL: not donated yet */
    pfn_t first, end;
    struct uv_guest guests[UV_MAX_GUESTS];
};
extern struct uv uv;

static inline u64 uv_word(enum uv_state state, unsigned guest, u64 page) { return state | (u64)guest << 4 | page << 24; }

/* frame.c: check-all-then-change over a range of frames. */
bool uv_frames_are(pfn_t pfn, u64 nr, enum uv_state state, unsigned guest);
bool uv_frames_claim(pfn_t pfn, u64 nr, u64 from_first, u64 step); /* to BUSY, all or nothing */
void uv_frames_set(pfn_t pfn, u64 nr, u64 first_word, u64 step);
static inline bool uv_frame_valid(pfn_t pfn) { return uv.frames && pfn >= uv.first && pfn < uv.end; }
static inline u64 uv_frame_read(pfn_t pfn) { return __atomic_load_n(&uv.frames[pfn].word, __ATOMIC_ACQUIRE); }
#define UV_PAGE_STEP (1UL << 24) /* consecutive frames hold consecutive guest pages */

/* table.c: the guest's page tables, made of donated frames. */
u64 uv_tables_needed(u64 nr_pages);
int uv_tables_init(struct uv_guest *g);
int uv_tables_map(struct uv_guest *g, u64 page, pfn_t pfn, u64 nr, unsigned access); /* -ENOMEM: nothing mapped */
pfn_t uv_tables_frame(struct uv_guest *g, u64 page); /* PFN_NONE: none */
