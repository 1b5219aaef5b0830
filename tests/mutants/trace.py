# SPDX-License-Identifier: MIT
"""Seeded bugs in events: who may read them, what is recorded, and that no event is mixed of two."""

from tests.mutants.mutant import Mutant

TRACE = [
    Mutant("anybody-opens-events", "look/sys_events.c",
           "OBJECT_DEVICES, RIGHT_MAP, &err);", "OBJECT_DEVICES, 0, &err);",
           "trace.only_who*", "only who has the right to devices opens events"),
    Mutant("any-handle-reads-events", "look/sys_events.c",
           "OBJECT_EVENTS, RIGHT_READ, &err);", "OBJECT_EVENTS, 0, &err);",
           "trace.a_handle_without*", "a handle without the right reads nothing"),
    Mutant("events-are-wanted-for-ever", "kernel/objects/kinds.c",
           "        events_want(false);\n", "",
           "trace.without_a_handle*", "threads are recorded only while somebody has a handle"),
    Mutant("an-event-has-its-number-before-its-words", "base/events.c",
           "&r->sequence, &found, BUSY, false,", "&r->sequence, &found, n, false,",
           "trace.a_reader_beside*", "an event is read when its words are written", parallel=True, cpus="4"),
    Mutant("the-short-cut-tells-no-message", "kernel/sched/hand_over.h",
           "    tell_message(self, next);\n", "",
           "trace.messages_of_the_short*", "messages of the short cut are recorded"),
    Mutant("the-long-way-tells-no-answer", "kernel/ipc/endpoint.c",
           "        thread_event(MM_EVENT_REPLY, current_thread()->id, caller->id, (u64)result);\n", "",
           "trace.messages_of_the_long*", "messages of the long way are recorded"),
]
