/* SPDX-License-Identifier: MIT */
/*
 * Processes: an address space, a handle table, threads, an account. A parent holds a handle to each child and alone
 * learns its status, by wait; a process whose parent is gone is reaped by nobody and freed when it ends.
 *
 * Accounts (<quire/quota.h>): all frames, tables, threads and processes that a program makes the kernel keep are
 * charged. A process that init or init's child starts has an account of its own (so have these two); whatever it
 * forks or starts itself shares that account, so a tree of processes can't take more than its root may.
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
#define PROCESS_QUOTA_SHARE 4 /* an account may hold 3/4 of memory: one quarter is left for others */
#define PROCESS_OWN_ACCOUNTS 2 /* down to this depth below init a process that is started has its own account */
#define PROCESS_FRAMES 2 /* charged for a process: its descriptor, and what its 64 handles may show */

/*
 * One word says what a process does.
 *   from     to       by whom                                         under
 *   MAKING   LIVES    its maker: everything is there                  processes_lock and its own
 *   LIVES    ENDING   exit, kill, a fault; its last thread's end      its own
 *   ENDING   ENDED    its last thread, when all but the status is gone  processes_lock
 *   MAKING   -        freed: nobody else has seen it
 */
enum process_state { PROCESS_MAKING, PROCESS_LIVES, PROCESS_ENDING, PROCESS_ENDED };

struct process {
    struct object object; /* reference count: handles and threads */
    u64 id;
    char name[PROCESS_NAME_MAX];
    struct mm *mm;
    struct quota *quota; /* what it makes is charged to */
    struct quota *maker; /* it is charged to itself; NULL: nobody */
    unsigned depth;      /* 0: init and others that the kernel starts; of fork's child: its parent's */
    struct handle_table handles;
    struct list all_link;
    spinlock_t lock; /* threads, status, state */
    struct list threads;
    unsigned nr_threads;
    u32 state;  /* enum process_state */
    int status; /* STATUS_*; before the state says that it ends */
    struct wait_queue wait; /* a child has ended, or is waited for no more */
    struct process *parent; /* under processes_lock; not counted, cleared when the parent ends or has waited */
    struct list children, child_link;
};

extern struct list processes; /* all that live or have ended, by all_link */

/* Its threads end on their way to user mode, and before they wait. */
static inline bool process_killed(const struct process *p)
{
    return __atomic_load_n(&p->state, __ATOMIC_ACQUIRE) >= PROCESS_ENDING;
}
static inline bool process_ended(const struct process *p)
{
    return __atomic_load_n(&p->state, __ATOMIC_ACQUIRE) == PROCESS_ENDED;
}

struct arguments { /* zero-terminated strings, one behind the other; PROCESS_MAX_ARGS and PROCESS_ARGS_BYTES or less */
    const char *text;
    unsigned nr;
    size_t bytes;
};

/*
 * A new process from a program of the boot archive, running when this returns. -ENOENT, -ENOEXEC, -ENOMEM, -E2BIG,
 * and of process_spawn() -EMFILE: no instruction of it has run.
 *
 * process_start() is for the kernel: nobody's child, with the console as handles 0 to 2; a reference, or NULL and *err.
 * process_spawn() is for programs: a child of the current process, with that one's handles 0 to 2; its handle.
 */
struct process *process_start(const char *path, const struct arguments *args, int *err);
int process_spawn(const char *path, const struct arguments *args);
/*
 * Whether p was spawned from the program of this name, or is a copy of one that was. Names are compared as processes
 * carry them: without the folder, the first PROCESS_NAME_MAX - 1 characters. No lock: a name never changes.
 */
bool process_runs(const struct process *p, const char *path);
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

/*
 * Wait until a child of the current process has ended: this one, or any (NULL). With a reference; NULL: *err is -ECHILD
 * (there is none, or somebody else has taken it) or -EINTR (the caller was killed). It stays the caller's child until
 * process_take(), which is false if another thread of the caller's process was faster. May sleep.
 */
struct process *process_await(struct process *one, int *err);
bool process_take(struct process *child);
u64 process_parent_id(struct process *p); /* 0: none */

struct process *process_by_index(unsigned index); /* with a reference; NULL: past the end */
struct process *process_by_id(u64 id);
struct mm *process_mm(struct process *p); /* with a reference; NULL: it has no threads any more */
void processes_print(void); /* Ctrl-P: locks as little as it can */

/* A status is what POSIX's wait() gives: exit code * 256, or the number of the signal of this kind of death. */
#define STATUS_EXIT(code) (((code) & 255) << 8)
#define STATUS_FAULT 11
#define STATUS_BUS_ERROR 7
#define STATUS_ILLEGAL 4
#define STATUS_ARITHMETIC 8
#define STATUS_TRAP 5
#define STATUS_KILLED 9
#define STATUS_NO_MEMORY 9
