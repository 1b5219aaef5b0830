/* SPDX-License-Identifier: MIT */
/*
 * Threads of a process: only what tests and demonstrations need. There is no thread-local storage:
 * errno is shared, so threads look at results of quire_call() rather than at errno. fork, wait and
 * kill belong to one thread.
 */
#pragma once

#include <stddef.h>

struct thread {
    void (*run)(void *);
    void *argument;
    char *stack;
    int done; /* set by the thread as its last act */
};

/*
 * Starts run(argument) on a stack of its own. 0, or -1 with errno. *t must stay until it is joined.
 */
int thread_start(struct thread *t, void (*run)(void *), void *argument);
/* Waits for its end and gives its stack back. Every started thread must be joined. */
void thread_join(struct thread *t);
