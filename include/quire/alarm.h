/* SPDX-License-Identifier: MIT */
/*
 * Alarms: something happens at a time of the clock. An alarm wakes a thread, or it is the timer of a notification.
 *
 * Each CPU has a tree of the alarms that were set there, and rings them in its timer's interrupt. An alarm is *set*
 * while it is in a tree, and *quiet* otherwise; this changes under the lock of the tree's CPU. Alarms of one time form
 * a ring, and one of them *leads*: it is the one in the tree.
 */
#pragma once

#include <quire/list.h>
#include <quire/tree.h>
#include <quire/types.h>

struct runqueue;
struct thread;

struct alarm {
    struct tree_node node; /* while it leads; its key is the time */
    struct list same;      /* the ring of alarms of the same time */
    bool set, leads;
    struct runqueue *rq;   /* of the CPU where it was set last; NULL: never */
    struct thread *sleeper; /* whom it wakes; NULL: it is a notification's */
};

void alarm_init(struct alarm *a, struct thread *sleeper);
/*
 * Sets a quiet alarm; it rings on this CPU at this time, or soon if that has passed. The CPU's timer doesn't know it
 * yet: schedule(), or sched_rearm_timer(), tells it. Interrupts are off. Nobody else sets or stops the alarm meanwhile.
 */
void alarm_set(struct alarm *a, u64 at_ns);
/*
 * After this the alarm is quiet, and it doesn't ring at this moment on another CPU. True: it was set, and hasn't rung.
 * Interrupts are off, and no lock of the ipc room is held that comes behind an alarm's.
 */
bool alarm_stop(struct alarm *a);
