/* SPDX-License-Identifier: MIT */
/*
 * Messages between threads: calls on endpoints, replies, sends. kernel/ipc/ has the code; this header has what lies in
 * struct thread, and what other rooms call.
 *
 * A *call* belongs to the thread that calls. One word, thread->ipc.call, holds its state and its generation, which
 * grows with each call; so a late reply finds another word.
 *
 *   from      to        by whom                                              under
 *   IDLE      QUEUED    the caller: it is in the endpoint's queue            endpoint's lock
 *   IDLE      TAKEN     the caller: a receiver waited, and has the message   endpoint's lock
 *   QUEUED    TAKEN     a receiver, which takes it out of the queue          endpoint's lock
 *   QUEUED    ANSWERED  whoever closes the endpoint                          endpoint's lock
 *   QUEUED    IDLE      the caller: its time is over, or it was killed       endpoint's lock
 *   TAKEN     IDLE      the caller: its time is over, or it was killed       nothing; compare and swap
 *   TAKEN     REPLYING  whoever has the duty to answer                       nothing; compare and swap
 *   REPLYING  ANSWERED  the same; the registers of the caller are written    nothing
 *   REPLYING  TAKEN     the same; a piece of the caller's window is copied   nothing
 *   ANSWERED  IDLE      the caller                                           nothing
 *
 * From TAKEN on, exactly one thread or reply object has the *duty* to answer: thread->ipc.duty of the receiver, or
 * struct reply. Whoever has it either replies, or ends; then the caller gets -EPIPE. While the call is TAKEN or
 * REPLYING the caller waits, so its struct thread lives without a counted reference. A caller that takes back its call
 * counts one before, for whoever has the duty; it is put when the duty ends. Its address space has none: who copies
 * from a window takes one for as long as it copies.
 *
 * A caller that was answered without a duty, because the endpoint was closed, takes the endpoint's lock before it goes
 * on: whoever closes wakes it under this lock, and has no reference to it.
 *
 * A thread runs with the highest priority among its own and those that are *lent* to it: by the caller whose duty it
 * has, and by the callers in the queue of the endpoint at which it was the last that came to receive. Callers whose
 * call was taken by a reply object lend nothing. A thread that waits for an answer itself lends on what is lent to it,
 * and so on, at most PRIORITY_STEPS times; a circle of calls ends there, too. kernel/ipc/priority.c has the rules.
 *
 * A thread that *receives* is in the endpoint's list while thread->ipc.receiving is RECEIVE_WAITS. Whoever delivers
 * takes it out, writes its registers, and sets RECEIVE_GOT, all under the endpoint's lock. A receiver that was woken
 * takes this lock before it goes on.
 */
#pragma once

#include <quire/list.h>
#include <quire/types.h>

struct endpoint;
struct object;
struct thread;
struct trapframe;

enum call_state { CALL_IDLE, CALL_QUEUED, CALL_TAKEN, CALL_REPLYING, CALL_ANSWERED };
#define CALL_STATE_BITS 3
#define CALL_STATE(word) ((word) & ((1u << CALL_STATE_BITS) - 1))
#define CALL_GENERATION(word) ((word) >> CALL_STATE_BITS)
#define CALL_WORD(generation, state) ((generation) << CALL_STATE_BITS | (state))

#define PRIORITY_STEPS 8

enum receive_state { RECEIVE_IDLE, RECEIVE_WAITS, RECEIVE_GOT };

/* The duty to answer a call. caller NULL: there is none. */
struct duty {
    struct thread *caller; /* lives as long as the duty: see above */
    u64 call;              /* the caller's word while the duty lasts: TAKEN */
    bool has_window;
    u64 window, window_bytes;
    u32 window_rights;
};

struct extra; /* kernel/ipc/extra.h */

struct thread_ipc {
    u64 call;                /* state and generation */
    u64 badge;               /* of the handle that it called */
    struct endpoint *calls;  /* while its call is QUEUED: there */
    struct thread *server;   /* while its call is TAKEN: who has the duty; NULL: a reply object */
    unsigned lent;           /* the priority that it lends to the server, or with which it is counted in the queue */
    struct notification *waits_for; /* or has waited for, at rest; with a reference */
    struct endpoint *endpoint; /* from which it receives or has received last; with a reference */
    u32 receiving;           /* enum receive_state; under the endpoint's lock */
    struct trapframe *frame; /* where the words of its call are; NULL: in its user frame */
    const struct trapframe *stopped_at; /* its call is a fault's, kernel/ipc/fault.c: its registers; NULL: it isn't */
    bool fast;               /* it receives without a time limit: its kernel stack may be given up, kernel/ipc/fast.c */
    struct list link;        /* of an endpoint's callers or receivers; under its lock */
    struct extra *sends;     /* handles and window of its own message */
    struct extra *gets;      /* handles that have come and aren't in its table yet */
    struct duty duty;        /* of the call that it received last; only the thread itself uses it while it runs */
};

