/* SPDX-License-Identifier: MIT */
/*
 * What the files of processes share: process_make.c makes processes and threads, process_end.c ends them,
 * process_list.c knows them all and who is whose child.
 */
#pragma once

#include <quire/process.h>

/* A whole process, in the list from now on: it lives, and its first thread starts. It is nobody's child. */
void process_show(struct process *p);
/*
 * The same for a child of parent. Returns the parent's handle to it; -EMFILE, and nothing has happened. The caller's
 * reference to p becomes the parent's claim to wait for it.
 */
int process_show_child(struct process *p, struct process *parent);
/* Only the status of p is left: from now on it has ended, and its parent hears of it. */
void process_show_ended(struct process *p);
/* p ends: nobody waits for its children any more. */
void process_leave_children(struct process *p);
/* p is freed. */
void process_unlist(struct process *p);
