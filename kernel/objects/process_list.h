/* SPDX-License-Identifier: MIT */
/*
 * What process_list.c does for the two other files on processes. process_make.c makes processes and their threads,
 * process_end.c ends them; process_list.c has the list of all processes, and knows who is whose child.
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
void process_join(struct process *p, struct thread *t);
/* p is ENDING, and its last thread has left it, or it never had one. Frees all that p has, except its status. */
void process_finish(struct process *p);
void process_tell_watchers(struct process *p); /* p has ended, or nobody has it */

void process_show_empty(struct process *p); /* p can be found from now on, and isn't started */
/* p is complete, and nobody's child. From now on it lives and is in the list; its first thread starts. */
void process_show(struct process *p);
/*
 * The same for a child of parent. Returns the number of the parent's handle to p; -EMFILE: nothing has happened. The
 * caller's reference to p becomes the parent's claim: the parent may wait for p as long as it has this reference.
 */
int process_show_child(struct process *p, struct process *parent);
/* All that p had is freed, except its status. From now on p has ended, and its parent is woken. */
void process_show_ended(struct process *p);
/*
 * p ends: its children have no parent from now on, and nobody waits for them. If p was killed, they are killed, too, and
 * so are their children when they end: nobody else holds a handle to them.
 */
void process_leave_children(struct process *p);
/* p is about to be freed. */
void process_unlist(struct process *p);

extern struct slab_cache process_cache;
