/* SPDX-License-Identifier: MIT */
/*
 * Stages on threads. An operation is a CPU here, which begins idle, with the operation's thread in its queue: the
 * thread may be taken by the other CPU, wait, be woken, change CPUs, and end. A thread that waits for ever is found,
 * because all CPUs idle before it has ended.
 */
#include "operations.h"
#include "stages.h"
#include "threads.h"
#include "../native/machine/machine.h"
#include <quire/thread.h>

void begin_cpus(void)
{
    scene_begin(1024);
    machine_threads_begin();
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
        cpu_area(cpu)->online = false;
        cpu_area(cpu)->runqueue = NULL;
    }
    nr_cpus = operations_nr;
    for (unsigned cpu = 0; cpu < operations_nr; cpu++) {
        cpu_play(cpu);
        sched_init_cpu();
    }
    cpu_play(0);
}

static void begin_threads(void)
{
    begin_cpus();
    threads_begin(operations_nr);
}

#define THREAD(name_, fn, ...) OP(name_, run_cpu, .thread = fn, ##__VA_ARGS__)
#define THREAD_STAGE(name_, text, ...)                                                                                 \
    static const struct operation on_##name_[] = {__VA_ARGS__, NO_OPERATION};                                          \
    const struct stage stage_##name_ = {                                                                               \
        .name = text, .begin = begin_threads, .operations = on_##name_, .small = true, .look = threads_look}

THREAD_STAGE(waiting, "waiting", THREAD("wait", thread_waits, .alone = true), THREAD("wake", thread_wakes));
THREAD_STAGE(dying_thread, "dying-thread", THREAD("wait", thread_waits_or_dies, .alone = true),
             THREAD("kill", thread_kills, .alone = true));
THREAD_STAGE(locking, "locking", THREAD("lock", thread_locks), THREAD("read", thread_reads),
             THREAD("yield", thread_yields), THREAD("start", thread_starts_another));
