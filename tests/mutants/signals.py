# SPDX-License-Identifier: MIT
"""Seeded bugs in what signals notifications: timers, interrupts, ends of threads."""

from tests.mutants.mutant import DEVICES, Mutant

SIGNALS = [
    # --- timers ---------------------------------------------------------------------------------------------------
    Mutant("a-cancelled-timer-rings", "kernel/ipc/notification.c",
           "was_set = alarm_stop(&n->timer);\n\n    n->timer_bits = bits;\n", "was_set = bits && alarm_stop(&n->timer);\n\n    if (bits)\n        n->timer_bits = bits;\n",
           "timer.*", "a timer that is cancelled doesn't signal"),
    Mutant("a-timer-outlives-its-notification", "kernel/ipc/notification.c",
           "    bool irq = irq_save();\n    alarm_stop(&n->timer);\n    irq_restore(irq);\n", "",
           "timer.a_timer_ends*", "a timer ends with its notification"),
    Mutant("one-alarm-of-a-time-is-enough", "kernel/sched/alarm.c",
           "    if (a->leads && next != a) /* the next one in the ring leads from now on */\n", "    if (0)\n",
           "timer.timers_of_many*", "each of several alarms of one time rings"),
    Mutant("no-timer-is-told-the-cpu", "kernel/ipc/notification.c",
           "    sched_rearm_timer();\n", "",
           "timer.a_timer_signals_while*", "the CPU's timer knows the first alarm"),
    # --- interrupts -----------------------------------------------------------------------------------------------
    Mutant("a-delivered-interrupt-is-not-masked", f"arch/{DEVICES}/irq.c",
           "ioapic_read(IOAPIC_ENTRY(number)) | IOAPIC_MASKED);", "ioapic_read(IOAPIC_ENTRY(number)));",
           "interrupt.a_level*", "a source is masked when its driver is told", machine=DEVICES),
    Mutant("a-signal-that-nobody-awaits-is-lost", "kernel/ipc/notification.c",
           "    __atomic_fetch_or(&n->bits, bits, __ATOMIC_SEQ_CST);\n    if", "    if (!list_empty(&n->waiters) || n->endpoint)\n        __atomic_fetch_or(&n->bits, bits, __ATOMIC_SEQ_CST);\n    if",
           "interrupt.*", "an interrupt between the binding and the wait isn't lost", machine=DEVICES),
    Mutant("an-acknowledge-opens-nothing", "kernel/ipc/interrupt.c",
           "        i->state = INTERRUPT_OPEN;\n        arch_interrupt_unmask(number_of(i));\n    }\n    if (again)", "        i->state = INTERRUPT_OPEN;\n    }\n    if (again)",
           "interrupt.a_level*", "an acknowledged source may ask again", machine=DEVICES),
    Mutant("an-edge-that-came-meanwhile-is-lost", "kernel/ipc/interrupt.c",
           "            i->state = INTERRUPT_AGAIN;\n", "            ;\n",
           "interrupt.an_edge*", "an edge between delivery and acknowledge isn't lost", machine=DEVICES),
    Mutant("a-second-driver-takes-the-source", "kernel/ipc/interrupt.c",
           "free = i->state == INTERRUPT_FREE;", "free = true;",
           "interrupt.a_source_has*", "a source has one driver at a time", machine=DEVICES),
    Mutant("a-dead-driver-keeps-its-source", "kernel/ipc/notification.c",
           "    if (n->interrupts)\n        interrupts_forget(n);\n", "",
           "interrupt.a_driver_that_dies*", "the end of a notification masks and frees its sources", machine=DEVICES),
    Mutant("a-free-source-is-open", "kernel/ipc/interrupt.c",
           "    arch_interrupt_mask(number_of(i));\n    i->state = INTERRUPT_FREE;\n", "    i->state = INTERRUPT_FREE;\n",
           "interrupt.a_source_has*", "nobody's source is masked", machine=DEVICES),
    Mutant("anybody-opens-interrupts", "kernel/calls/sys_ipc.c",
           "    if (!look(tf, OBJECT_DEVICES, RIGHT_MAP, &h, &err))\n        return err;\n    object_put(h.object);\n    if (tf_arg(tf, 2) >", "    if (!look(tf, OBJECT_NONE, 0, &h, &err))\n        return err;\n    object_put(h.object);\n    if (tf_arg(tf, 2) >",
           "interrupt.the_right*", "the right to devices is needed", machine=DEVICES),
    # --- ends of threads ------------------------------------------------------------------------------------------
    Mutant("the-end-of-a-thread-is-silent", "kernel/objects/process_end.c",
           "    if (self->told)\n        notification_signal(self->told, self->told_bits);\n", "",
           "timer.the_end_of_a*", "the end of a thread is a signal"),
    Mutant("who-is-told-may-be-gone", "kernel/objects/process_make.c",
           "    if (told)\n        object_get((struct object *)told);\n", "",
           "timer.the_end_of_a*", "a thread has a reference to the notification that it will tell"),
]  # fmt: skip
