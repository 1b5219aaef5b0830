/* SPDX-License-Identifier: MIT */
/*
 * A guest as an object of the host, for the files that have its system calls: guest.c makes and ends guests,
 * guest_run.c runs them, guest_share.c decides what they share, guest_look.c shows them.
 *
 * guest->lock (sleeping) serialises the host's calls on one guest; it isn't held while the guest runs, nor across
 * copies to user memory. It comes before mm.areas of any address space. One word says what the guest is for the host:
 *
 *   IDLE    -> RUNNING   guest_run
 *   RUNNING -> IDLE      it left to print or to let the host look     \
 *   RUNNING -> PENDING   it left to share or unshare pages             > by the thread that was inside, once it has
 *   RUNNING -> ENDED     it ended, or the thread inside did           /  taken the reason from the ultravisor
 *   PENDING -> IDLE      guest_share, when nothing is undecided any more
 *
 * All of it under guest->lock, by guest_become().
 */
#pragma once

#include <quire/guest.h>
#include <quire/object.h>
#include <quire/sync.h>
#include <quire/uaccess.h>
#include <quire/uv.h>

struct folio;
struct insecure_mem;
struct quota;
struct guest;

enum guest_state { GUEST_IDLE, GUEST_RUNNING, GUEST_PENDING, GUEST_ENDED, GUEST_NR_STATES };

struct guest_run { /* what a thread inside a guest knows: current->guest */
    struct guest *guest;
    struct user_ptr exit; /* struct quire_guest_exit in the host process */
};

struct guest {
    struct object object;
    unsigned id; /* of the ultravisor */
    struct folio *folio;
    struct quota *quota; /* of the process that made it */
    u64 charged;         /* frames of its page tables, charged to that */
    struct mutex lock;   /* --- what follows --- */
    enum guest_state state;
    u32 left_for;           /* enum quire_guest_exit_kind of the last exit; before the first run: FAULT */
    u64 ask_page, ask_nr;   /* PENDING: the pages that are undecided */
    s64 answer;             /* IDLE: the host's number, for whoever waits for one */
    struct list holes;      /* struct guest_hole */
    struct guest_run run;   /* RUNNING: belongs to the thread inside */
};

struct guest_hole {
    struct list link;
    struct insecure_mem *hole;
    vaddr_t address; /* where guest_map showed it last */
};

/* The guest of the current process's handle (first argument of the call) with a reference; NULL: *err. */
struct guest *guest_get(struct trapframe *tf, int *err);
/* The same with guest->lock held, for a call that copies nothing to or from user memory; and its end. */
struct guest *guest_get_locked(struct trapframe *tf, int *err);
void guest_unlock_put(struct guest *g);
/* The one way to change a guest's state; guest->lock held. */
void guest_become(struct guest *g, enum guest_state to);
/* A long loop for a program: others may run; -EINTR: the program was killed, the loop ends. No spin locks held. */
int guest_loop_step(void);
/* uvcall(call, id, page, frame, nr, access) in steps for consecutive pages of the guest. 0 or the first error. */
int guest_uv_pages(struct guest *g, enum uv_call call, u64 page, u64 nr, unsigned access);
/* Forget a hole: nothing here shows it any more. Others may still hold it. */
void guest_drop_hole(struct guest *g, struct guest_hole *h);
