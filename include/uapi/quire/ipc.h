/* SPDX-License-Identifier: MIT */
/*
 * Handles' rights, and messages between programs. A message is six words in registers, up to four handles, and a
 * window: memory of the caller that the receiver may read or write until it replies. The info word says what is there.
 */
#pragma once

#define RIGHT_READ 1u
#define RIGHT_WRITE 2u
#define RIGHT_WAIT 4u      /* a process: for its end */
#define RIGHT_KILL 8u
#define RIGHT_MAP 16u      /* memory: map it; a process: map, unmap and protect its memory */
#define RIGHT_CALL 32u     /* an endpoint: call and send; a notification: signal */
#define RIGHT_RECEIVE 64u  /* an endpoint: receive; a notification: wait; an interrupt: bind and acknowledge */
#define RIGHT_TRANSFER 128u /* the handle may go into a message */
#define RIGHT_RESIZE 256u  /* memory: change its size */
#define RIGHT_ALL 511u
/* A process, and only if asked for: if the handle's holder is killed, the process is killed, too. */
#define RIGHT_OWN 512u

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

/*
 * Messages to a fault handler. Word 0: the kind, and above it the thread's id. The other words are for
 *   MEMORY, EXCEPTION: the address, pc, stack pointer, PROT_* of the access, the signal that it is
 *   SYSTEM_CALL: the number and the first four arguments;  RESULT: the number and the result
 * Word 0 of the reply says how the thread goes on; after a system call it goes on in any case.
 */
enum quire_fault_kind { QUIRE_FAULT_MEMORY = 1, QUIRE_FAULT_EXCEPTION, QUIRE_FAULT_SYSTEM_CALL, QUIRE_FAULT_RESULT };
#define QUIRE_FAULT_KIND(word) ((word) & 255)
#define QUIRE_FAULT_THREAD_SHIFT 8
enum quire_fault_answer {
    QUIRE_FAULT_RESUME, /* with its registers, which the handler may have set; a system call: make it */
    QUIRE_FAULT_END,    /* as if there were no handler; a system call: make it */
    QUIRE_FAULT_SKIP,   /* a system call: don't make it; word 1 is its result */
};

/* The general registers in the machine's own order: tf_general() in arch/'s trap.h. */
#define QUIRE_GENERAL_REGISTERS 32
struct quire_registers {
    unsigned long pc, sp, nr; /* nr: how many there are; set: as it was got */
    unsigned long general[QUIRE_GENERAL_REGISTERS];
};

/*
 * What a pager receives when a thread misses a page of an object that memory_pager made: a call whose words are these.
 * The reply's word 0 is 0 if the page is there now; anything else is a bus error for the thread. Other calls may have
 * the same words: a pager knows its own objects by the badge of the handle that it gave to memory_pager.
 */
/* word 0. Word 1: offset of the page; word 2: PROT_* of the access; word 3: the object's word */
#define QUIRE_PAGER_MISS 16ul

/* For handles and a window. The last argument of a call points to it; a receiver without one gets no handles. */
struct quire_extra {
    int handle[QUIRE_MESSAGE_HANDLES];      /* sent: the sender's; received: the receiver's, or -E... */
    unsigned rights[QUIRE_MESSAGE_HANDLES]; /* sent: what the receiver may do, 0: the same as the sender */
    unsigned long window, window_bytes;
    unsigned long window_rights;            /* RIGHT_READ, RIGHT_WRITE: what the receiver may do */
};
