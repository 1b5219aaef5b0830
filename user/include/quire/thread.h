/* SPDX-License-Identifier: MIT */
/*
 * Threads of a process: the short form that tests and demonstrations need; <pthread.h> has the rest. Each thread has an
 * errno of its own, and a guard below its stack: an overflow faults.
 */
#pragma once

struct thread_block;
struct thread {
    struct thread_block *block;
    char *stack; /* its lowest address */
};

/*
 * Starts run(argument) on a stack of its own, 64 KiB. 0, or -1 with errno.
 */
int thread_start(struct thread *t, void (*run)(void *), void *argument);
/* Waits for its end and gives its stack back. Every started thread must be joined. */
void thread_join(struct thread *t);
