/* SPDX-License-Identifier: MIT */
/*
 * Processes: an address space, a handle table, threads, a quota. A parent holds a handle to each child and
 * learns its status by wait; a process whose parent is gone is reaped by nobody and freed when it ends.
 */
#pragma once

#include <quire/handle.h>
#include <quire/list.h>
#include <quire/mm.h>
#include <quire/sync.h>
#include <quire/thread.h>

#define PROCESS_NAME_MAX 32
#define PROCESS_MAX_ARGS 32
#define PROCESS_ARGS_BYTES 4096
#define USER_STACK_BYTES (64 * KiB) /* to start with; it grows */
#define PROCESS_QUOTA_SHARE 4 /* a process may hold 3/4 of memory: one quarter is left for others */

struct process {
    struct object object; /* reference count: handles and threads */
    u64 id;
    char name[PROCESS_NAME_MAX];
    struct mm *mm;
    struct quota *quota;
    struct handle_table handles;
    struct list all_link;
    spinlock_t lock; /* threads, status */
    struct list threads;
    unsigned nr_threads;
    bool killed;      /* threads end on their way to user mode */
    int kill_status;
    bool exited;
    int status;       /* STATUS_* */
    struct wait_queue wait; /* exited, or a child has */
    struct process *parent; /* for wait(any); not counted, cleared when the parent ends */
    struct list children, child_link;
};

extern struct list processes; /* all of them, by all_link */

void process_init(void);

/*
 * A new process from a program of the boot archive, running when this returns. `args` is PROCESS_ARGS_BYTES
 * or less of nr zero-terminated strings. With a parent (the caller's process) the result is its handle to the child;
 * without one it is 0 and *out holds a reference for the caller. -ENOENT, -ENOEXEC, -ENOMEM, -E2BIG, -EMFILE: no
 * instruction of the child has run.
 */
int process_spawn(struct process *parent, const char *path, const char *args, unsigned nr_args, size_t args_bytes,
                  struct process **out);
/*
 * Copy of the current process; the child returns to user mode as *tf with result QUIRE_IN_CHILD. A handle to it;
 * -ENOMEM, -EMFILE.
 */
int process_fork(const struct trapframe *tf);

/* One more thread of p, starting in user mode with this frame. Its id; -ENOMEM, -ESRCH (p is ending). */
int process_add_thread(struct process *p, const struct trapframe *frame);
void __noreturn process_thread_exit(void);

void __noreturn process_exit(int status);
void process_kill(struct process *p, int status); /* asynchronous */
/* On the way to user mode: end here if the process was killed. */
void process_check_killed(void);

/* Ends the calling thread's process after a fault, with one line that says why. */
void __noreturn process_die(const struct trapframe *tf, int status, const char *why, vaddr_t addr);

int process_wait(struct process *child, int *status); /* blocks; takes it out of its parent's list */
struct process *process_wait_any(struct process *parent, int *status); /* NULL: no children */

struct process *process_by_index(unsigned index); /* with a reference; NULL: past the end */
struct process *process_by_id(u64 id);
struct mm *process_mm(struct process *p); /* with a reference; NULL: it has no threads any more */
void processes_print(void); /* Ctrl-P: locks as little as it can */
u64 processes_in_use(void);

/* A status is what POSIX's wait() gives: exit code * 256, or the number of the signal of this kind of death. */
#define STATUS_EXIT(code) (((code) & 255) << 8)
#define STATUS_FAULT 11
#define STATUS_BUS_ERROR 7
#define STATUS_ILLEGAL 4
#define STATUS_ARITHMETIC 8
#define STATUS_TRAP 5
#define STATUS_KILLED 9
#define STATUS_NO_MEMORY 9
