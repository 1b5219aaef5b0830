/* SPDX-License-Identifier: MIT */
/*
 * The model: who owns each frame, and what each guest may do next, written down a second time; uv/core's tables aren't
 * used. Every call goes through host() or guest_...(), which compute the right result and compare; look() compares
 * everything.
 */
#pragma once

#include "machine.h"
#include <uapi/quire/uv_guest.h>

enum life { NOBODY, LOADING, READY, ASKING, RUNNING, STOPPED, DEAD };

struct model_frame {
    enum uv_state state;
    unsigned guest;
    u64 page;
    u64 stamp; /* its first eight bytes */
};

struct model_guest {
    enum life life;
    u64 pages;
    bool shares;          /* ASKING: to share, else to take back */
    bool takes_all;       /* by UVG_UNSHARE_ALL */
    u64 ask_page, ask_nr; /* ASKING */
    bool answer_due;      /* the host's number is the result of its call */
    u64 last_fault;
    u32 kind; /* of its last exit, like the other fields */
    u64 exit_page, exit_nr, exit_value;
    char text[UV_TEXT_BYTES]; /* CONSOLE */
    unsigned place;           /* RUNNING */
    u64 next_destroy;         /* DEAD: the first page that is left */
};

struct model {
    struct model_frame frames[FRAMES_MAX];
    struct model_guest guests[UV_MAX_GUESTS + 1]; /* [0] is unused */
    u64 changes;                                  /* calls that did something */
    u64 calls;
};
extern struct model model;

void model_begin(u64 nr_frames); /* power on, UV_INIT */
static inline struct model_frame *frame_at(pfn_t pfn) { return &model.frames[pfn - FIRST_FRAME]; }
static inline bool is_frame(pfn_t pfn) { return pfn >= FIRST_FRAME && pfn < machine_end(); }
/* The guest's frame at this page in the simulated machine; NULL: none. */
struct model_frame *page_at(unsigned guest, u64 page);
u64 count_of(unsigned guest, enum uv_state state);
/* The frame changes its state and must hold zeros now: it goes back to the host, or becomes a table. */
void model_become(pfn_t pfn, enum uv_state state, unsigned guest, u64 page, bool zeros);

/*
 * A call of the host at played.place: returns and checks its result, and follows all changes in the model.
 */
s64 host5(u64 call, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);
static inline s64 host(u64 call, u64 a0, u64 a1, u64 a2, u64 a3) { return host5(call, a0, a1, a2, a3, 0); }
static inline s64 load(unsigned guest, u64 page, pfn_t pfn, u64 nr, u64 access)
{
    return host5(UV_LOAD, guest, page, pfn, nr, access);
}

/* A trap at played.place. True: it left, or doesn't run here; checked. */
bool guest_calls(unsigned guest, u64 nr, u64 a0, u64 a1);
bool guest_faults(unsigned guest, u64 addr, unsigned access);
bool guest_raises(unsigned guest, enum uv_exception what, u64 code);
bool guest_ends(unsigned guest);
/* The result that UV_RUN would give to a guest's request; false: it isn't decided yet. */
bool decided(unsigned guest, s64 *result);

s64 expect_exit(unsigned guest, u64 field); /* what UV_EXIT must say */

/* Everything against the model. */
void look(void);
/* All guests end, and every frame is the host's again. */
void end_all(void);

/* The owner writes to the frame: the value, and letters behind it. */
void scribble(pfn_t pfn, u64 value);

/* --- making guests ---------------------------------------------------------------------------- */
/* The next n frames of the host, from this one on, that can be given to a guest; PFN_NONE: there are none. */
pfn_t host_frames(pfn_t from, u64 n);
unsigned make_guest(u64 pages);  /* LOADING, with frames for its tables */
void fill_guest(unsigned guest); /* page 0 loaded with UV_EXEC, the others zeros: READY */
