/* SPDX-License-Identifier: MIT */
/*
 * The interface between uv/core, which decides, and the enforcement, which carries the decisions out. Only numbers and
 * frames pass it. uv/soft enforces with the direct map, page tables and user mode; tests/explore and tests/native/uv
 * have simulations of it. `make house` reads the names here.
 *
 * Outside itself and lib, uv/core calls only the first part. `guest` is the number of a guest, 1 to UV_MAX_GUESTS, and
 * the caller holds this guest's lock. Pages are guest pages of 4 KiB, below the number that the guest was made with;
 * frames lie in the range of enforce_machine(). A function can't fail unless its comment says so. No function may
 * sleep, take a guest's lock or call the second part.
 *
 * The enforcement calls the second part when a guest traps. How the host's trap code passes such a trap to uv/soft is
 * in <quire/uv_soft.h>; uv/core has no part in it.
 */
#pragma once

#include <quire/types.h>

/* === what uv/core calls ======================================================================= */

/* --- locks ------------------------------------------------------------------------------------------------------- */
/*
 * One lock for each guest, and number 0 for making the frame table. The enforcement has the locks because a CPU that
 * waits for a lock must serve other CPUs' requests while it waits. Nobody holds two of them.
 */
void enforce_lock(unsigned guest);
void enforce_unlock(unsigned guest);

/* --- the machine and its frames. Any lock or none; nobody else may be changing these frames --- */
struct enforce_machine {
    pfn_t first, end; /* frames */
    u64 guest_pages;  /* the most that a guest can have */
};
struct enforce_machine enforce_machine(void); /* always the same */
/* no memory, or the host's image: may never be a guest's. Called only by UV_INIT, once for each frame */
bool enforce_reserved(pfn_t pfn);
bool enforce_lent(pfn_t pfn);                 /* the host has lent the frame to somebody, by a hole */
bool enforce_shown(pfn_t pfn, u64 nr);        /* the host can reach all of these frames */
bool enforce_can_hide(pfn_t pfn, u64 nr);     /* enforce_hide() will succeed for all of them */

/* For frames that are BUSY, or that belong to the caller. The frames of one call are all hidden or all shown. */
void enforce_hide(pfn_t pfn, u64 nr);              /* shown frames only: on return no CPU of the host can reach them */
void enforce_show(pfn_t pfn, u64 nr);              /* the host can reach them; shown frames stay as they are */
/* cleans and invalidates data caches: memory holds the last stores, and no data cache holds a byte of the frames.
 * Hidden frames stay hidden */
void enforce_flush(pfn_t pfn, u64 nr);
void enforce_zero(pfn_t pfn, u64 nr, bool flush);  /* fills with zeros; `flush`: as enforce_flush() */

/* Copies bytes [offset, offset + n) of one frame, hidden or shown; n > 0, and offset + n is at most the size of a
 * frame. */
void enforce_read(void *to, pfn_t pfn, u64 offset, u64 n);
void enforce_write(pfn_t pfn, u64 offset, const void *from, u64 n);

/* Zeros these shown frames, which become the frame table; -> the address that uv/core uses for them from now on. Lock 0
 * held. */
void *enforce_keep(pfn_t pfn, u64 nr);

/* --- a guest's address space, made of frames that the host donated ---------------------------- */
#define UV_MAX_DONATED 2048 /* frames for one guest */

void enforce_make(unsigned guest, u64 nr_pages);   /* new: no address space, no donated frames, initial registers */
u64 enforce_needed(u64 nr_pages);                  /* the most frames that the tables of so many pages take. No lock */
void enforce_give(unsigned guest, pfn_t pfn);      /* a frame for its tables, zeroed; at most UV_MAX_DONATED frames */
/*
 * Takes one donated frame back; afterwards the address space is gone, and no CPU remembers it. PFN_NONE: all frames are
 * back, and the guest's number may be used again.
 */
pfn_t enforce_take_back(unsigned guest);

/* Makes the tables that enforce_map() needs for consecutive frames at consecutive pages, at most UV_BATCH. 0, or
 * -ENOMEM: enforce_give() more. */
int enforce_prepare(unsigned guest, u64 page, pfn_t pfn, u64 nr);
/*
 * Maps shown frames at these pages, which are prepared by enforce_prepare() and still empty. The guest doesn't run.
 * access: UV_READ, ...
 */
void enforce_map(unsigned guest, u64 page, pfn_t pfn, u64 nr, unsigned access);
/* Hidden frames are mapped for UV_EXEC: the guest will execute what is in them now. The guest doesn't run. */
void enforce_code(unsigned guest, pfn_t pfn, u64 nr);
pfn_t enforce_frame_of(unsigned guest, u64 page);   /* PFN_NONE: nothing is there, or it has no such page */
unsigned enforce_access(unsigned guest, u64 page);  /* UV_READ, ...; 0: nothing is there, or it has no such page */
void enforce_forget(unsigned guest, u64 page);      /* flushes the page on this CPU, where the guest runs */

/* --- a guest's registers ---------------------------------------------------------------------- */
/* entry: where the guest begins; stack: its top, from which it grows down */
void enforce_start(unsigned guest, u64 entry, u64 stack, u64 argument);
void enforce_result(unsigned guest, s64 result);    /* of the guest's last call; the guest may be running or not */
/*
 * Enter a guest and leave it. A place is where a host thread called; there the host's registers and address space are
 * exchanged for the guest's. A guest is at one place at a time. enforce_enter() -> the number of the place.
 * enforce_leave() is called at the same place, with interrupts off: afterwards the host's registers are back, and
 * nothing of the guest is loaded on this CPU.
 */
u64 enforce_enter(unsigned guest);
void enforce_leave(unsigned guest);

/* --- a broken rule: a bug in the ultravisor itself. Any lock ---------------------------------- */
void __noreturn enforce_panic(const char *rule, unsigned guest, u64 number, s64 result);

/* === what the enforcement calls: traps of a guest ============================================= */
/*
 * Called at `place`, with interrupts off and no lock held. The arguments may have any value. True: the guest has left,
 * by enforce_leave(); or it doesn't run at this place, and nothing was done. False: the guest goes on.
 */
enum uv_exception { UV_EXCEPTION_ILLEGAL, UV_EXCEPTION_ARITHMETIC, UV_EXCEPTION_ALIGNMENT, UV_EXCEPTION_OTHER };
bool uv_guest_call(unsigned guest, u64 place, u64 nr, u64 a0, u64 a1);            /* <uapi/quire/uv_guest.h> */
/* access: the one of UV_READ, ... that the guest wanted */
bool uv_guest_fault(unsigned guest, u64 place, u64 addr, unsigned access);
bool uv_guest_exception(unsigned guest, u64 place, enum uv_exception what, u64 code); /* code: the machine's number */
bool uv_guest_end(unsigned guest, u64 place);                                     /* the host's thread there ends */
/* A call of the host. No lock, and `call` may be any number: see <quire/uv.h>. */
s64 uv_host_call(u64 call, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);
