/* SPDX-License-Identifier: MIT */
/*
 * The game of calls: two or three programs, one endpoint, one reply object, one notification. A move is a system call
 * of one program up to the place where it waits; or a thread that was woken goes on; or somebody is killed, a time
 * limit ends, the endpoint is closed, a notification is signalled.
 *
 *   game.c     moves
 *   ledger.c   what programs were told about each call, and whether it fits
 *   books.c    what must be true of the kernel's objects between two moves; and the whole state as one number
 */
#pragma once

#include "machine.h"

#define MASK 3ul /* the bits that programs wait for */

struct scene {
    struct endpoint *endpoint;
    struct notification *notification; /* NULL: there is none */
    struct reply *saved;               /* the reply object; NULL: there is none */
    unsigned saved_call;               /* whose duty was taken into it; 0: none, or it was used */
    bool closed;                       /* nobody can receive any more */
    u64 pending;                       /* bits that were signalled, and that no program has got */
};
extern struct scene scene;

/* --- ledger.c --------------------------------------------------------------------------------------------- */
#define CALLS_MAX 8192
struct call {
    u8 by;         /* the player */
    bool limited;  /* it has a time limit */
    bool received; /* a receiver has it */
    bool answered; /* a reply has returned 0 */
    bool dropped;  /* the duty has ended without a reply */
    bool over;     /* its caller knows the result */
};
extern struct call calls[CALLS_MAX]; /* from 1 on */
extern unsigned nr_calls;
extern unsigned serves[PLAYERS_MAX]; /* the call that this program received last and hasn't answered; 0: none */
extern bool waits_limited[PLAYERS_MAX];

#define CALL_SAYS(id)  (0x10000ul + (id)) /* word 0 of a call, of a reply, of a message without an answer */
#define REPLY_SAYS(id) (0x20000ul + (id))
#define SEND_SAYS(nr)  (0x30000ul + (nr))
#define BADGE(player)  (100ul + (player))

void ledger_begin(void);
unsigned ledger_call(struct player *p, bool limited); /* its number */
void ledger_called(struct player *p, unsigned id, s64 result, u64 word);
void ledger_received(struct player *p, s64 result, u64 word, u64 badge);
void ledger_sent(s64 result);
/* The reply to this call (0: there was none) has returned this. */
void ledger_replied(unsigned id, s64 result);
void ledger_drop(unsigned id); /* the duty to answer it ends without a reply. 0: none */
void ledger_waited(struct player *p, s64 result, u64 bits);
void ledger_end(void);
u64 send_says(void); /* word 0 of the next message without an answer */

/* --- books.c ---------------------------------------------------------------------------------------------- */
void books_check(void);
/* Two sequences that lead to the same number can be continued in the same ways. */
u64 books_state(void);
