/* SPDX-License-Identifier: MIT */
/*
 * When a CPU's timer comes next. See runqueue.h.
 *
 * It comes for the first alarm, for the end of the time slice if others wait for this CPU, for the end of the CPU's
 * turn where QEMU lets its CPUs take turns, and in a debug kernel for the watch over threads that hang.
 */
#include "runqueue.h"
#include <quire/turns.h>
#include <quire/upcalls.h>
#include <quire/watch.h>
#include <arch-generic/machine.h>

void sched_set_timer(struct runqueue *rq, const struct thread *next)
{
    u64 deadline = ~0UL;

    if (rq->nr_queued && next != rq->idle && !rq->need_resched)
        deadline = rq->slice_end_ns;
    if (next != rq->idle)
        deadline = MIN(deadline, turn_deadline()); /* even if no thread is queued yet: another CPU may do so */
    deadline = MIN(deadline, READ_ONCE(rq->next_alarm_ns));
    if (QUIRE_CHECKS && next->process)
        deadline = MIN(deadline, arch_clock_ns() + WATCH_TICK_NS);
    arch_timer_set(deadline);
}

void sched_rearm_timer(void)
{
    bool irq = irq_save();
    struct runqueue *rq = this_cpu()->runqueue;

    if (rq)
        sched_set_timer(rq, current_thread());
    irq_restore(irq);
}
