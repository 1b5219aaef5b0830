/* SPDX-License-Identifier: MIT */
/*
 * Between what the ultravisor knows (uv/core) and what makes it true, by name; numbers and frames alone. uv/soft
 * enforces with the direct map, page tables and user mode; tests/explore and tests/native/uv play it. `make house`
 * reads the names here.
 *
 * The first part is all that uv/core calls outside itself and lib. `guest` is the number of a guest, 1 to
 * UV_MAX_GUESTS, and its caller holds that guest's lock. Pages are guest pages of 4 KiB, below the number that the
 * guest was made with; frames lie in the range of enforce_machine(). Unless it says otherwise, a function can't fail.
 * None may sleep, take a guest's lock or call the second part.
 *
 * The second part is what the enforcement calls when a guest traps. What uv/soft offers the host's trap code, so that
 * such a trap comes here at all, is in <quire/uv_soft.h>, and no business of uv/core.
 */
#pragma once

#include <quire/types.h>

/* === what uv/core calls ======================================================================= */

/* --- locks ------------------------------------------------------------------------------------------------------- */
/*
 * One for each guest, number 0 for making the frame table. They belong here because whoever waits for another CPU has
 * to serve what the machine's other CPUs ask of it meanwhile. Never two at a time.
 */
void enforce_lock(unsigned guest);
void enforce_unlock(unsigned guest);

/* --- the machine and its frames. Any lock or none, for frames that nobody else can be changing --- */
struct enforce_machine {
    pfn_t first, end; /* frames */
    u64 guest_pages;  /* that a guest can have at most */
};
struct enforce_machine enforce_machine(void); /* always the same */
/* no memory, or the host's image: never a guest's. Asked once, by UV_INIT */
bool enforce_reserved(pfn_t pfn);
bool enforce_lent(pfn_t pfn);                 /* the host has lent it to somebody, by a hole */
bool enforce_shown(pfn_t pfn, u64 nr);        /* the host can reach all of these frames */
bool enforce_can_hide(pfn_t pfn, u64 nr);     /* enforce_hide() can be kept for all of them */

/* For frames that are BUSY, or the caller's own; those of one call are all hidden or all shown. */
void enforce_hide(pfn_t pfn, u64 nr);              /* from shown ones: on return no CPU of the host reaches them */
void enforce_show(pfn_t pfn, u64 nr);              /* the host reaches them; shown ones stay as they are */
/* hidden ones stay hidden: what is true goes to memory, no cache of data keeps anything of them */
void enforce_flush(pfn_t pfn, u64 nr);
void enforce_zero(pfn_t pfn, u64 nr, bool flush);  /* hidden ones stay hidden; with the same flush */

/* Bytes [offset, offset + n) of one frame, hidden or shown; n > 0, and they end where the frame ends at the latest. */
void enforce_read(void *to, pfn_t pfn, u64 offset, u64 n);
void enforce_write(pfn_t pfn, u64 offset, const void *from, u64 n);

/* Zeros these shown frames, for the frame table; -> where uv/core has them from now on, for ever. Lock 0 held. */
void *enforce_keep(pfn_t pfn, u64 nr);

/* --- a guest's address space, made of frames that the host donated ---------------------------- */
#define UV_MAX_DONATED 2048 /* frames for one guest */

void enforce_make(unsigned guest, u64 nr_pages);   /* as new: no space, no donated frames, registers of a new program */
u64 enforce_needed(u64 nr_pages);                  /* frames that the tables of so many pages take at most. No lock */
void enforce_give(unsigned guest, pfn_t pfn);      /* a frame for its tables, zeroed; UV_MAX_DONATED of them at most */
/*
 * One of those back; the space is gone and forgotten on every CPU. PFN_NONE: all are back, the number may be used
 * again.
 */
pfn_t enforce_take_back(unsigned guest);

/* Whatever enforce_map() needs for consecutive frames at consecutive pages, UV_BATCH at most. 0, -ENOMEM: give more. */
int enforce_prepare(unsigned guest, u64 page, pfn_t pfn, u64 nr);
/*
 * The guest has them there; they are prepared, and nothing is there yet. It doesn't run; shown frames. access:
 * UV_READ, ...
 */
void enforce_map(unsigned guest, u64 page, pfn_t pfn, u64 nr, unsigned access);
/* Hidden frames that are mapped for UV_EXEC: what is in them now is what the guest executes. It doesn't run. */
void enforce_code(unsigned guest, pfn_t pfn, u64 nr);
pfn_t enforce_frame_of(unsigned guest, u64 page);   /* PFN_NONE: nothing is there, or it has no such page */
unsigned enforce_access(unsigned guest, u64 page);  /* UV_READ, ...; 0: nothing is there, or it has no such page */
void enforce_forget(unsigned guest, u64 page);      /* what this CPU remembers of the page; the guest runs on it */

/* --- a guest's registers ---------------------------------------------------------------------- */
/* where it will begin; stack: grows down from there */
void enforce_start(unsigned guest, u64 entry, u64 stack, u64 argument);
void enforce_result(unsigned guest, s64 result);    /* of its last call; whether it runs or not */
/*
 * In, and out again: the place where the host called exchanges the host's registers and address space for the
 * guest's. A guest is at one place at a time. enforce_enter() -> the number of the place; enforce_leave() there and
 * nowhere else, with interrupts off: the host's registers are back, and nothing of the guest is loaded on this CPU.
 */
u64 enforce_enter(unsigned guest);
void enforce_leave(unsigned guest);

/* --- a broken rule: the ultravisor itself is wrong. Any lock ---------------------------------- */
void __noreturn enforce_panic(const char *rule, unsigned guest, u64 number, s64 result);

/* === what the enforcement calls: a trap from inside =========================================== */
/*
 * At `place`, with interrupts off and no lock. Any number may be wrong. True: the guest has left, by enforce_leave();
 * or it doesn't run at this place, and nothing has happened. False: it goes on.
 */
enum uv_exception { UV_EXCEPTION_ILLEGAL, UV_EXCEPTION_ARITHMETIC, UV_EXCEPTION_ALIGNMENT, UV_EXCEPTION_OTHER };
bool uv_guest_call(unsigned guest, u64 place, u64 nr, u64 a0, u64 a1);            /* <uapi/quire/uv_guest.h> */
/* the one UV_READ, ... that it wanted */
bool uv_guest_fault(unsigned guest, u64 place, u64 addr, unsigned access);
bool uv_guest_exception(unsigned guest, u64 place, enum uv_exception what, u64 code); /* code: the machine's number */
bool uv_guest_end(unsigned guest, u64 place);                                     /* the host ends what runs there */
/* A call of the host. No lock, and `call` may be any number: see <quire/uv.h>. */
s64 uv_host_call(u64 call, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);
