/* SPDX-License-Identifier: MIT */
/* Threads that call, receive, answer, signal, close and kill: calls.c, compiled like the scheduler; stages_calls.c. */
#pragma once

#include <quire/types.h>

void calls_begin(unsigned nr, bool bound); /* a thread for each CPU; bound: a notification is bound to the endpoint */
void calls_check(void);                    /* after all threads have ended: what they heard fits together */
void calls_end(void);

/* Callers. Late: the time is over as soon as they would wait. */
void thread_calls(void), thread_calls_late(void), thread_sends(void);
/* Servers: receive, answer, end. */
void thread_serves(void), thread_serves_late(void), thread_serves_twice(void), thread_serves_by_object(void),
    thread_drops_object(void), thread_ends_without_answer(void);
void thread_closes(void), thread_kills_first(void), thread_hurries_first(void);
void thread_signals(void), thread_waits_for_bit(void), thread_waits_for_bit_late(void);
