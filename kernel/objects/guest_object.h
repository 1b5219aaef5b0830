/* SPDX-License-Identifier: MIT */
/*
 * A guest as an object of the host, for the files with system calls on guests: guest.c makes and ends guests,
 * guest_run.c runs them, guest_share.c decides what they share, look/guest_look.c shows them.
 *
 * guest->lock (sleeping) lets one call of the host after the other work on a guest. Nobody holds it while the guest
 * runs, or across a copy to user memory. It comes before areas_lock of any address space. One word is the guest's
 * state:
 *
 *   IDLE    -> RUNNING   guest_run
 *   RUNNING -> IDLE      the guest left: it prints, or yields         \
 *   RUNNING -> PENDING   the guest left: it asks to share or unshare   > the thread that was inside changes the state,
 *   RUNNING -> ENDED     the guest ended, or the thread inside ended  /  after it has the reason from the ultravisor
 *   PENDING -> IDLE      guest_share, when no page is undecided any more
 *
 * guest_become() makes every change, under guest->lock.
 */
#pragma once

#include <quire/guest.h>
#include <quire/object.h>
#include <quire/sync.h>
#include <quire/uaccess.h>
#include <quire/uv.h>

enum guest_state { GUEST_IDLE, GUEST_RUNNING, GUEST_PENDING, GUEST_ENDED, GUEST_NR_STATES };

struct guest_run { /* of the thread that is inside the guest: current_thread()->guest */
    struct guest *guest;
    struct user_ptr exit; /* where the host process wants its struct quire_guest_exit */
};

struct guest {
    struct object object;
    unsigned id; /* the number that the ultravisor gave it */
    struct folio *folio;
    struct quota *quota; /* of the process that made it */
    u64 charged;         /* frames of its page tables that this account pays for */
    struct mutex lock;   /* protects all that follows */
    enum guest_state state;
    u32 left_for;           /* enum quire_guest_exit_kind of the last exit; QUIRE_GUEST_FAULT before the first run */
    u64 ask_page, ask_nr;   /* PENDING: the pages that the host has to decide about */
    s64 answer;             /* IDLE: what the guest's console or yield call will return */
    struct list holes;      /* struct guest_hole */
    struct guest_run run;   /* RUNNING: the thread inside owns it */
};

struct guest_hole {
    struct list link;
    struct insecure_mem *hole;
    vaddr_t address; /* where guest_map() mapped the hole last */
};

/* The guest whose handle is the call's first argument, with a reference. NULL: *err says why. */
struct guest *guest_get(struct trapframe *tf, int *err);
/* The same with guest->lock held, for a call that meanwhile copies nothing to or from user memory. */
struct guest *guest_get_locked(struct trapframe *tf, int *err);
void guest_unlock_put(struct guest *g); /* the end of such a call */
/* Changes the guest's state; panics if the table above has no such change. guest->lock is held. */
void guest_become(struct guest *g, enum guest_state to);
/*
 * Each step of a long loop calls this, so that other threads may run. -EINTR: the process was killed, and the loop must
 * end. No spin locks are held.
 */
int guest_loop_step(void);
/* Makes this uvcall() for nr pages of the guest, in steps. Returns 0 or the first error. Kills are not heard. */
int guest_uv_pages(struct guest *g, enum uv_call call, u64 page, u64 nr, unsigned access);
/* Unmaps the hole here and forgets it. Others may still hold references to it. */
void guest_drop_hole(struct guest *g, struct guest_hole *h);
