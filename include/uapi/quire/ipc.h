/* SPDX-License-Identifier: MIT */
/*
 * Handles' rights, and messages between programs. A message is six words in registers, up to four handles, and a window:
 * memory of the caller that the receiver may read or write until it replies. The info word says what is there.
 */
#pragma once

#define RIGHT_READ 1u
#define RIGHT_WRITE 2u
#define RIGHT_WAIT 4u      /* a process: for its end */
#define RIGHT_KILL 8u
#define RIGHT_MAP 16u
#define RIGHT_CALL 32u     /* an endpoint: call and send; a notification: signal */
#define RIGHT_RECEIVE 64u  /* an endpoint: receive; a notification: wait */
#define RIGHT_TRANSFER 128u /* the handle may go into a message */
#define RIGHT_ALL 255u

#define QUIRE_HANDLES_MAX 4112 /* of a process */
#define QUIRE_MESSAGE_WORDS 6
#define QUIRE_MESSAGE_HANDLES 4

/* The info word of whoever sends. Of whoever receives: how many handles have come; and the window's bytes above. */
#define QUIRE_INFO_HANDLES(n) ((unsigned long)(n))            /* 0 to 4 in struct quire_extra */
#define QUIRE_INFO_WINDOW 8ul                                 /* struct quire_extra has a window */
#define QUIRE_INFO_LIMIT_US(us) ((unsigned long)(us) << 8)    /* wait this long at most; 0: for ever */
#define QUIRE_INFO_BITS 15ul                                  /* all but the time limit */

/* What a receive or a wait brought. */
#define QUIRE_GOT_CALL 1   /* the sender waits for the reply */
#define QUIRE_GOT_SEND 2
#define QUIRE_GOT_SIGNAL 3 /* word 0 has the bits of the notification that is bound to the endpoint */

/* For handles and a window. The last argument of a call points to it; a receiver without one gets no handles. */
struct quire_extra {
    int handle[QUIRE_MESSAGE_HANDLES];      /* sent: the sender's; received: the receiver's, or -E... */
    unsigned rights[QUIRE_MESSAGE_HANDLES]; /* sent: what the receiver may do, 0: the same as the sender */
    unsigned long window, window_bytes;
    unsigned long window_rights;            /* RIGHT_READ, RIGHT_WRITE: what the receiver may do */
};
