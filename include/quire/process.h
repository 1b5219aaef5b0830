/* SPDX-License-Identifier: MIT */
/*
 * Processes: an address space, a handle table, threads, an account. A process is made empty, or as a copy of its maker
 * (memory and registers), and is given memory through its handle; then it is started, and gets its first handles. A
 * process that wasn't started has no handles, so it can't hold itself. Whoever has a handle with RIGHT_WAIT can learn
 * the status, as long as the handle is there; a process to which nobody has a handle is freed when it ends.
 *
 * Accounts (<quire/quota.h>): all frames, tables, threads and processes that a program makes the kernel keep are
 * charged. Init, init's children, and the processes that these start each have an account of their own. All deeper
 * processes, and children made by fork, share the account of their parent; so a tree of processes can't take more than
 * its root may.
 *
 * Priorities: no thread of a process gives itself or another more than the process's ceiling. Init's ceiling is
 * PRIORITY_USER_MAX. Who makes an empty process says its ceiling, at most the own one; a copy has its parent's. A new
 * thread, and the first thread of a new process, begin with the own priority of the thread that made them, or with the
 * ceiling if that is lower.
 */
#pragma once

#include <quire/handle.h>
#include <quire/list.h>
#include <quire/mm.h>
#include <quire/program_layout.h>
#include <quire/sync.h>
#include <quire/thread.h>
#include <uapi/quire/abi.h>

#define FIRST_PROCESS 1 /* the id of init */
#define PROCESS_NAME_MAX 32
#define PROCESS_QUOTA_SHARE 4 /* an account may hold 3/4 of memory: one quarter remains for others */
#define PROCESS_OWN_ACCOUNTS 2 /* a process that is started at most this deep below init has its own account */
#define PROCESS_FRAMES 2 /* charged for a process: its descriptor, and what its 64 handles may show */

/*
 * One word, the state, says what a process does.
 *   from     to       by whom                                         under
 *   MAKING   EMPTY    its maker: others may find it from now on       processes_lock and its own
 *   MAKING   LIVES    the kernel, for a program that it starts itself the same
 *   EMPTY    STARTING process_begin(), process_write()                its own
 *   STARTING EMPTY    the same: out of memory, or all is written      its own
 *   STARTING LIVES    process_begin(): the first thread runs          its own
 *   EMPTY    ENDING   kill, which finishes the process itself         its own
 *   STARTING ENDING   kill; process_begin() finishes it               its own
 *   LIVES    ENDING   exit, kill, a fault; its last thread's end      its own
 *   ENDING   ENDED    who finishes it, when all but the status is gone  its own
 *   MAKING, EMPTY -   freed: nobody has a handle
 */
enum process_state {
    PROCESS_MAKING,
    PROCESS_EMPTY,
    PROCESS_STARTING,
    PROCESS_LIVES,
    PROCESS_ENDING,
    PROCESS_ENDED,
};

/* Who gets the faults of a process's threads: kernel/ipc/fault.c. endpoint NULL: nobody, so they end the process. */
struct fault_handler {
    struct endpoint *endpoint; /* with a reference */
    u64 badge;
    bool traces; /* it gets system calls, too */
};

struct process {
    struct object object; /* reference count: handles and threads */
    u64 id;
    char name[PROCESS_NAME_MAX];
    struct mm *mm;
    struct quota *quota; /* the account that pays for what the process makes */
    struct quota *maker; /* the account that pays for the process itself; NULL: none */
    u64 maker_id;        /* of the process that made it; 0: the kernel */
    unsigned ceiling;    /* the highest priority that its threads may have as their own; never changes */
    unsigned depth;      /* 0: init and others that the kernel starts; a child made by fork has its parent's depth */
    struct handle_table handles;
    struct list all_link;
    spinlock_t lock; /* threads, status, state */
    struct list threads;
    unsigned nr_threads;      /* process_begin() counts as one, too */
    struct thread *first;     /* with its registers, of a process that wasn't started; NULL: none */
    struct list watchers;     /* who is told when it ends: struct watcher */
    struct fault_handler faults;
    u32 state;  /* enum process_state */
    int status; /* STATUS_*; stored before the state says ENDING */
    struct quire_crash crash; /* stored together with the status */
};

extern struct list processes; /* all that live or have ended, by all_link */

/* True: the process was killed. Its threads end on their way to user mode, and before they wait. */
static inline bool process_killed(const struct process *p)
{
    return __atomic_load_n(&p->state, __ATOMIC_ACQUIRE) >= PROCESS_ENDING;
}
/* The same behind a fence of the caller's. */
static inline bool process_seems_killed(const struct process *p) { return READ_ONCE(p->state) >= PROCESS_ENDING; }
static inline bool process_ended(const struct process *p)
{
    return __atomic_load_n(&p->state, __ATOMIC_ACQUIRE) == PROCESS_ENDED;
}

/*
 * A new process that the kernel itself starts from a program of the boot archive: it has the console as handles 0 to 2,
 * QUIRE_ARCHIVE and QUIRE_DEVICES, and runs. Returns a reference; NULL: *err is -ENOENT, -ENOEXEC or -ENOMEM.
 */
struct process *process_start(const char *path, const struct arguments *args, int *err);
/*
 * Whether p was made for the program of this name, or is a copy of one that was. Names are compared as processes
 * carry them: without the folder, the first PROCESS_NAME_MAX - 1 characters. No lock: a name never changes.
 */
bool process_runs(const struct process *p, const char *path);
/*
 * Processes from outside. Each of the two makers returns the number of a handle with all rights; -ENOMEM, -EMFILE.
 * process_create(): no memory, no thread, no handles; -EPERM: the ceiling is above the caller's own, and 0 means the
 * same as that. process_clone(): a copy of the caller's memory, and of the
 * calling thread's registers, so that it will return to user mode with the result QUIRE_IN_CHILD. May sleep; no locks.
 */
int process_create(const char *name, u64 ceiling);
int process_clone(const struct trapframe *tf);
#define START_GIVEN_MAX 8
struct start {
    const struct trapframe *frame; /* NULL: p has its maker's registers */
    unsigned nr_same;              /* the caller's handles [0, nr_same) get the same numbers: handle_copy_all() */
    unsigned nr_given;             /* or, with nr_same 0: these get the numbers from 0 on. The caller drops its own */
    struct handle given[START_GIVEN_MAX];
};
/*
 * 0; -EBUSY: it was started; -ESRCH: it was killed; -EINVAL: a frame, and p has registers, or neither; -ENOMEM: as
 * before.
 */
int process_begin(struct process *p, struct start *start);

struct user_window;
/*
 * Writes to the memory of a process that wasn't started. Pages are brought in for it, and charged to its account.
 * -EBUSY: it was started, or somebody else writes to it; -ESRCH: it was killed; -EFAULT: nothing is mapped there, or
 * the caller's memory; -EACCES: it may not be written, or is none of a folio's; -EINTR: the caller was killed; the
 * errors of mm_fault(). After an error the first bytes may have been written. May sleep; no locks.
 */
int process_write(struct process *p, vaddr_t to, struct user_window *from);

struct notification;
/* When p ends, or if it has ended, n gets these bits. Takes over no reference. -ENOMEM. */
int process_watch(struct process *p, struct notification *n, u64 bits);
/* Faults of p's threads go to this endpoint from now on; takes over its reference. -ESRCH: p ends. */
int process_set_faults(struct process *p, struct fault_handler handler);
/* p's handler; if it has an endpoint, then with a reference. */
struct fault_handler process_faults(struct process *p);

/*
 * One more thread of p, starting in user mode with this frame. told gets these bits when the thread has ended; NULL:
 * nobody is told. Takes over no reference. Its id; -ENOMEM, -ESRCH (p is ending).
 */
int process_add_thread(struct process *p, const struct trapframe *frame, struct notification *told, u64 bits);
void __noreturn process_thread_exit(void);
/*
 * Gives a thread of the current process another priority of its own: 1 to the ceiling, 0: it stays. id 0: the caller.
 * Returns the priority before. -EPERM: above the ceiling; -ESRCH: no such thread.
 */
int process_thread_priority(u64 id, u64 priority);

/* Ends the calling thread's process. With the status of a signal, its parent can see where it was, as after a fault. */
void __noreturn process_exit(const struct trapframe *tf, int status);
void process_kill(struct process *p, int status); /* asynchronous */
/* On the way to user mode: end here if the process was killed. */
void process_check_killed(void);

/* Ends the calling thread's process after a fault, with one line that says why. */
void __noreturn process_die(const struct trapframe *tf, int status, const char *why, vaddr_t addr);

/*
 * Fills *crash: where the current thread was when it came from user mode with *tf, and what it accessed. Reads user
 * memory: no lock may be held, and it may sleep. Enables interrupts.
 */
void crash_record(struct quire_crash *crash, const struct trapframe *tf, vaddr_t addr);

struct process *process_by_index(unsigned index); /* with a reference; NULL: past the end */
struct process *process_by_id(u64 id);
struct mm *process_mm(struct process *p); /* with a reference; NULL: it has ended */
void processes_print(void); /* Ctrl-P: locks as little as it can */

/* A status is what POSIX's wait() gives: exit code * 256, or the number of the signal of this kind of death. */
#define STATUS_EXIT(code) (((code) & 255) << 8)
#define STATUS_SIGNAL(number) ((number) & 127)
#define STATUS_FAULT 11
#define STATUS_BUS_ERROR 7
#define STATUS_ILLEGAL 4
#define STATUS_ARITHMETIC 8
#define STATUS_TRAP 5
#define STATUS_KILLED 9
#define STATUS_NO_MEMORY 9
