/* SPDX-License-Identifier: MIT */
/*
 * What a thread has for itself. There is no register for it on every machine: the stacks of all threads lie in one
 * range of addresses, cut into slots of equal size, so the stack pointer says which slot. The block is at the slot's
 * top:
 *
 *   | nothing is mapped: an overflow faults |  <- stack  | block |
 */
#pragma once

#include <stddef.h>

#define THREAD_KEYS 64

enum thread_state { THREAD_RUNS, THREAD_AWAITED, THREAD_DETACHED, THREAD_ENDED }; /* awaited: somebody joins it */

struct thread_block {
    int error;                                /* errno */
    int state;                                /* enum thread_state */
    void (*begin)(struct thread_block *self); /* the first function; calls run or start */
    void (*run)(void *);                      /* of thread_start() */
    void *(*start)(void *);                   /* of pthread_create() */
    void *argument, *result;
    struct {
        const void *value;
        unsigned generation; /* of the key for which it was set; another one: there is no value */
    } values[THREAD_KEYS];
};

/* The calling thread's; the main thread's for threads with a stack from elsewhere. */
struct thread_block *__thread_self(void);
/*
 * Starts first->begin() on a new stack of this many bytes, with a copy of *first as its block. Returns the block; NULL:
 * errno is EAGAIN (too many threads) or what the kernel says.
 */
struct thread_block *__thread_new(size_t stack_bytes, const struct thread_block *first);
/* Gives back the stack of a thread that has ended. */
void __thread_free(struct thread_block *block);
/* Ends the calling thread. The last thread ends the process with status 0. */
void __thread_leave(void) __attribute__((noreturn));
/* Waits until the thread has ended, unless it is detached: THREAD_ENDED or THREAD_DETACHED. */
int __thread_await(struct thread_block *block);

#define THREAD_STACK_BYTES (64ul * 1024)
#define THREAD_SLOT_BYTES  (1024ul * 1024)
