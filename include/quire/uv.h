/* SPDX-License-Identifier: MIT */
/*
 * The toy ultravisor's interface: the host's calls, all through uvcall(). The ultravisor keeps its own table of who
 * owns each frame, and trusts no caller. A call checks everything first, so it changes either all that it promises or
 * nothing. Calls take numbers and frames, never pointers, and give numbers back.
 *
 * uv/core keeps the books, and could be moved out of the kernel unchanged; uv/soft enforces them. This is the *soft*
 * form: the ultravisor is linked into the kernel, and a call is a function call. Secrecy is enforced by the direct map
 * and by the guest's page tables, whose entries for secure frames only the ultravisor writes; <quire/uv_soft.h>. There
 * is no encryption, and no export or import of encrypted pages yet. A kernel that maps a secure frame on purpose isn't
 * stopped.
 *
 * What may be called in which state of a guest and of a frame is a table: uv/core/rules.c, docs/ultravisor.md.
 *
 * Locks: guest (by id), then frame (compare-and-swap through BUSY). Callers hold none.
 */
#pragma once

#include <quire/types.h>

#define UV_MAX_GUESTS 16
#define UV_BATCH 512 /* frames a call handles at most; it returns how many it did */
#define UV_MEASUREMENT_BYTES 32
#define UV_TEXT_BYTES 128 /* for a guest's text, with its final zero */

/* What a guest may do with a page, or-ed together; the numbers of ACCESS_* and PROT_*. */
#define UV_READ 1u
#define UV_WRITE 2u
#define UV_EXEC 4u

enum uv_call {
    UV_INIT,        /* table frame, frames: donate the frame table; once */
    UV_CREATE,      /* guest pages: -> guest id */
    UV_DONATE,      /* id, frame: a frame for the guest's page tables */
    UV_NEEDED,      /* id: -> table frames that the guest may need in all */
    UV_LOAD,        /* id, guest page, frame, nr, UV_READ, ...: secure frames with their contents */
    UV_IMPORT,      /* id, guest page, frame, nr: secure frames, zeroed; UNSHARING ones keep their contents */
    UV_SEAL,        /* id, entry point: the guest is complete and may run; nothing is loaded any more */
    UV_EXPOSE,      /* id, frame, nr: the host takes what the guest wants to share (direct map) */
    UV_REFUSE,      /* id, frame, nr: the host says no: the frames are again what they were before the guest asked */
    UV_RUN,         /* id, answer to the guest's console or yield: enter the guest on this thread's user frame */
    UV_EXIT,        /* id, enum uv_exit_field: -> why the guest left last, never negative */
    UV_STOP,        /* id: the guest will not run again. -EBUSY: it runs, and only its own CPU can end it */
    UV_QUERY,       /* frame: -> its state in one number, uv_state_of() and the like */
    UV_COUNT,       /* id, enum uv_state: -> frames of the guest in that state */
    UV_DESTROY,     /* id: zero and free up to UV_BATCH frames; -> how many, 0: all are free. -EBUSY: it runs */
    UV_RECLAIM,     /* id: -> a donated frame back; 0: none left, the guest is gone. After UV_DESTROY said 0 */
    UV_MEASUREMENT, /* id, i: -> bytes 4 * i to 4 * i + 3 of the SHA-256, the first one lowest */
    UV_NR_CALLS,
};

enum uv_state { UV_NONSECURE, UV_SECURE, UV_SHARED, UV_UNSHARING, UV_OWN, UV_BUSY, UV_SHARING, UV_NR_STATES };

/* The fields that UV_EXIT returns. Text comes as four bytes in a number, the first byte lowest. */
enum uv_exit_field {
    UV_EXIT_KIND,                 /* enum quire_guest_exit_kind */
    UV_EXIT_PAGE, UV_EXIT_NR,     /* the pages that the exit is about */
    UV_EXIT_LOW, UV_EXIT_HIGH,    /* halves of the guest's value */
    UV_EXIT_TEXT,
    UV_EXIT_FIELDS = UV_EXIT_TEXT + UV_TEXT_BYTES / 4,
};

/* 0 or more: the result of the call. -EINVAL (arguments), -EBUSY, -EPERM (wrong state), -ENOMEM (donate more),
 * -ESRCH. */
s64 uvcall(enum uv_call call, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);

static inline enum uv_state uv_state_of(u64 query) { return query & 15; }
static inline unsigned uv_guest_of(u64 query) { return query >> 4 & 0xffff; }
static inline u64 uv_page_of(u64 query) { return query >> 24; }
const char *uv_state_name(enum uv_state state);
