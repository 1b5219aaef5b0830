/* SPDX-License-Identifier: MIT */
/*
 * What the files on processes do for each other. process_make.c makes processes and their threads, process_begin.c does
 * so for programs and starts them, process_end.c ends them; process_list.c has the list of all processes.
 */
#pragma once

#include <quire/process.h>
#include <quire/slab.h>

/*
 * A process without memory and threads, which nobody can find yet. `started`: not a copy of its maker. NULL: no memory,
 * or an account is full.
 */
struct process *process_new(struct process *parent, const char *name, bool started);
void process_abandon(struct process *p); /* frees one that nobody has found, with its thread if it has one */
struct thread *process_new_thread(struct process *p, const struct trapframe *frame); /* NULL: no memory */
/* From now on t belongs to p. p->lock is held, or nobody can find p yet. */
static inline void process_join(struct process *p, struct thread *t)
{
    list_push_back(&p->threads, &t->process_link);
    t->traced = p->faults.traces;
    p->nr_threads++;
    object_get(&p->object); /* the thread's reference */
}
/* p is ENDING, and its last thread has left it, or it never had one. Frees all that p has, except its status. */
void process_finish(struct process *p);
void process_tell_watchers(struct process *p); /* p has ended, or nobody has it */

/* p is complete, with a first thread. From now on it lives and is in the list; the thread starts. */
void process_show(struct process *p);
/*
 * p isn't started. From now on it is in the list, and the current process has a handle with all rights to it; its
 * number. The caller's reference to p becomes the handle's. -EMFILE, -ENOMEM: nothing has happened.
 */
int process_show_to_maker(struct process *p);
void process_show_ended(struct process *p); /* all that p had is freed, except its status: from now on p has ended */
/* p is about to be freed. */
void process_unlist(struct process *p);

extern struct slab_cache process_cache;
