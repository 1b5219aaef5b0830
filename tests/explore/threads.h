/* SPDX-License-Identifier: MIT */
/* Stages on threads: each CPU runs the thread of one operation. machine_threads.c, threads.c, stages_thread.c. */
#pragma once

#include <quire/types.h>

void machine_threads_begin(void);
/* A world with a CPU for each operation; each CPU idles. */
void begin_cpus(void);

/* threads.c, compiled like the scheduler: the functions of threads. */
void threads_begin(unsigned nr);
void thread_waits(void), thread_waits_or_dies(void), thread_wakes(void), thread_kills(void), thread_locks(void),
    thread_reads(void), thread_yields(void), thread_starts_another(void);
/* The result: each thread's answer, and how often the counter under the lock was raised. */
u64 threads_look(void);
long run_cpu(void); /* an operation: this CPU runs its idle thread */
