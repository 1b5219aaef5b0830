/* SPDX-License-Identifier: MIT */
/*
 * Inside uv/core: guests and the frame table. All state is in one struct uv. uv/core calls only itself, lib and
 * enforce.h. It knows no address space, no register and no address of the host.
 *
 * A guest's lock isn't part of the guest: making one clears all of struct uv_guest.
 */
#pragma once

#include <quire/sha256.h>
#include <quire/types.h>
#include <quire/uv.h>
#include "enforce.h"

/* States of a guest; rules.c has the table of who changes them. */
enum uv_guest_state {
    UVG_FREE,
    UVG_LOADING, /* gets its memory */
    UVG_READY,   /* may run */
    UVG_ASKING,  /* has asked to share or unshare, and waits for the host's decision about every page */
    UVG_RUNNING, /* on the CPU and the user frame of one host thread */
    UVG_STOPPED, /* will not run again */
    UVG_DEAD,    /* its frames go back */
    UVG_NR_STATES,
};

/* The call that wants to change a frame. */
enum uv_by {
    UV_BY_DONATE, UV_BY_LOAD, UV_BY_IMPORT, UV_BY_EXPOSE, UV_BY_REFUSE, UV_BY_DESTROY, UV_BY_RECLAIM, /* host calls */
    UV_BY_SHARE, UV_BY_UNSHARE,                                                                       /* guest calls */
};

/* Conditions of the rules: facts about a frame beyond its state. */
#define UV_IF_MINE    1u  /* it belongs to the guest and is at the page of the call */
#define UV_IF_EMPTY   2u  /* the guest has no frame at the page of the call */
#define UV_IF_LOADING 4u  /* the guest is being loaded */
#define UV_IF_BACK    8u  /* the host has it back: no hole lends it to anybody */
#define UV_IF_PRESENT 16u /* in the direct map */
#define UV_IF_PREPARED 32u /* in a part of the direct map that is prepared for taking frames out */

/* What is done to a frame between two states. */
enum uv_effect {
    UV_KEEP,        /* nothing */
    UV_ZERO,        /* zeros; it stays where it is */
    UV_HIDE,        /* contents stay, out of the direct map */
    UV_ZERO_HIDE,   /* zeros, out of the direct map */
    UV_SHOW,        /* contents stay, into the direct map */
    UV_ZERO_SHOW,   /* zeros, into the direct map */
};

struct uv_rule {
    u8 from, by, to; /* enum uv_state, uv_by, uv_state */
    u8 conditions;   /* UV_IF_*: all of them must be true */
    u8 effect;       /* enum uv_effect */
};

/* The frames of a call: consecutive frames for consecutive pages; or the frames that the guest has at these pages. */
struct uv_span {
    struct uv_guest *guest;
    u64 page;
    pfn_t pfn; /* PFN_NONE: the frames that the guest has there */
    u64 nr;
};

struct uv_exit {
    u32 kind; /* enum quire_guest_exit_kind */
    bool has_text;
    u64 page, nr, value;
    char text[UV_TEXT_BYTES]; /* only if it has one */
};

struct uv_measure {
    struct sha256 hash;
    u64 zero_page, zero_nr; /* zeroed pages that aren't in the hash yet */
};

struct uv_guest {
    enum uv_guest_state state;
    unsigned id;
    u64 nr_pages;
    u64 count[UV_NR_STATES]; /* the guest's frames by state; OWN: donated for its tables */
    u64 next_destroy; /* the guest page where the next UV_DESTROY begins */
    u64 next_unshare; /* the guest page where the next "unshare all" begins */
    struct uv_measure measure;
    u64 place;           /* RUNNING: the number of the place, from the enforcement */
    struct uv_exit exit; /* the last exit; ASKING: the request */
    bool unshares_all;   /* ASKING: the request came by UVG_UNSHARE_ALL */
    bool answer_due;     /* READY: a call waits for the host's number as its result */
    u64 last_fault; /* address */
};

/* 16 bytes a frame: state, guest, guest page in one word that changes by compare-and-swap. */
struct uv_frame {
    u64 word;
    u64 exports; /* counter of the page, for export and import */
};

struct uv {
    struct uv_frame *frames; /* [pfn], biased; NULL: not donated yet */
    pfn_t first, end; /* with frames: set once, under lock 0 */
    bool locked[UV_MAX_GUESTS + 1]; /* whether somebody holds this lock; changes under it */
    struct uv_guest guests[UV_MAX_GUESTS]; /* guests[i], all of it: under lock i + 1 */
};
extern struct uv uv;

/* A rule of the ultravisor itself: if it is broken, the ultravisor has a bug. (A caller's mistake gives an error.) */
#define UV_ASSERT(cond, rule, guest, number, result)                                                                   \
    do {                                                                                                               \
        if (unlikely(!(cond)))                                                                                         \
            enforce_panic(rule, guest, number, result);                                                                \
    } while (0)

static inline void uv_lock(unsigned guest)
{
    enforce_lock(guest);
    uv.locked[guest] = true;
}
static inline void uv_unlock(unsigned guest)
{
    uv.locked[guest] = false;
    enforce_unlock(guest);
}

static inline u64 uv_word(enum uv_state state, unsigned guest, u64 page) { return state | (u64)guest << 4 | page << 24; }
static inline bool uv_ready(void) { return __atomic_load_n(&uv.frames, __ATOMIC_ACQUIRE) != NULL; }
static inline bool uv_frame_valid(pfn_t pfn) { return uv_ready() && pfn >= uv.first && pfn < uv.end; }
static inline u64 uv_frame_read(pfn_t pfn) { return __atomic_load_n(&uv.frames[pfn].word, __ATOMIC_ACQUIRE); }

/* --- rules.c: the tables ------------------------------------------------------------------------ */
/* The rule for a frame in this state and a call by `by`, where `facts` (UV_IF_*) hold; NULL: refused. */
const struct uv_rule *uv_rule_for(enum uv_state from, enum uv_by by, unsigned facts);
/* Whether this host call may be made about a guest in this state: 0, -EBUSY (it runs), -EPERM. */
int uv_call_allowed(enum uv_call call, enum uv_guest_state state);
/* The only way to change a guest's state; the guest's lock is held. */
void uv_guest_become(struct uv_guest *g, enum uv_guest_state to);

/* --- frame.c: check all, then change, over a span of frames ------------------------------------- */
/* Change all frames of the span by the rule for `by`. Returns their number, or -EPERM, -EBUSY: nothing has changed.
 * Guest lock held. */
s64 uv_change(const struct uv_span *span, enum uv_by by, unsigned access);
/* Whether the guest's table and the frame table agree about this page and frame. */
enum uv_state uv_page_state(struct uv_guest *g, u64 page); /* NONSECURE: it has none */

/* --- measure.c ---------------------------------------------------------------------------------- */
void uv_measure_begin(struct uv_measure *m, u64 nr_pages);
void uv_measure_loaded(struct uv_measure *m, u64 page, unsigned access, pfn_t pfn); /* one page and its frame */
void uv_measure_zeroed(struct uv_measure *m, u64 page, u64 nr);
void uv_measure_entry(struct uv_measure *m, u64 entry);
void uv_measure_digest(const struct uv_measure *m, u8 digest[UV_MEASUREMENT_BYTES]);

/* --- world.c: in and out ------------------------------------------------------------------------ */
s64 uv_enter(struct uv_guest *g, u64 answer); /* guest lock held */

/* --- memory.c: the guest's memory, translated by its own tables --------------------------------- */
/* n bytes at addr, all of them or none: -EFAULT. Pages of any state that belongs to the guest. Guest lock held. */
int uv_memory_read(struct uv_guest *g, void *to, u64 addr, u64 n);
int uv_memory_write(struct uv_guest *g, u64 addr, const void *from, u64 n);
