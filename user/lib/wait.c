/* SPDX-License-Identifier: MIT */
/*
 * fork, spawn, wait, waitpid and kill. The kernel knows processes by handle, POSIX knows children by process id: a
 * table translates. A notification of this process is told when a child ends: child i has bit i % 63, and Ctrl-C has
 * bit 63.
 *
 * Of the threads that wait, one at a time waits for the notification. It notes in the table who has ended; the others
 * look there.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <quire/explain.h>
#include <quire/loader.h>
#include <quire/message.h>
#include <quire/sys.h>
#include <uapi/quire/ipc.h>
#include "archive.h"
#include "lock.h"

#define FIRST_CHILDREN 32
#define CTRL_C_BIT     (1ul << 63)

static struct child {
    pid_t pid; /* 0: the place is free */
    int handle;
    bool ended;
    int status; /* if it has ended */
} first_children[FIRST_CHILDREN], *children = first_children;
static int children_room = FIRST_CHILDREN;
static int children_used; /* the places from here on are free */
static int ends = -1;     /* the notification; -1: not made yet */
static bool leads;        /* a thread waits for the notification */
static unsigned news;     /* how often such a wait has ended; the followers wait for it to change */
static unsigned followers;
static bool interrupted;  /* Ctrl-C came, and nobody who listens has seen it yet */
static int children_lock; /* for all of these */

/* --- the table ------------------------------------------------------------------------- */
/* Under children_lock: there is room for one more child. False: no memory. */
static bool make_room(void)
{
    if (children_used < children_room)
        return true;
    struct child *more = malloc(2 * (size_t)children_room * sizeof(*more));
    if (!more)
        return false;
    memcpy(more, children, (size_t)children_used * sizeof(*more));
    if (children != first_children)
        free(children);
    children = more;
    children_room *= 2;
    return true;
}

/*
 * The notification is this process's own: a child doesn't get the handle, because it may not be transferred. Under
 * children_lock. False: no memory, or no handle is free.
 */
static bool make_notification(void)
{
    if (ends >= 0)
        return true;
    long n = quire_call(notification_create);
    if (n < 0)
        return false;
    ends = (int)quire_call(handle_duplicate, n, RIGHT_CALL | RIGHT_RECEIVE, 0);
    quire_call(close, n);
    return ends >= 0;
}

static unsigned long bit_of(int place) { return 1ul << place % 63; }

/* The place for one more child; there is room. Under children_lock. */
static int free_place(void)
{
    for (int i = 0; i < children_used; i++)
        if (!children[i].pid)
            return i;
    return children_used;
}

static struct child *child_of(pid_t pid)
{
    for (int i = 0; i < children_used; i++)
        if (children[i].pid == pid)
            return &children[i];
    return NULL;
}

static void forget(struct child *c)
{
    quire_call(close, c->handle);
    c->pid = 0;
    while (children_used && !children[children_used - 1].pid)
        children_used--;
}

/* --- making ---------------------------------------------------------------------------- */
/* A process that this one has made becomes its child. Its id, or -1 with errno. Under children_lock; there is room. */
static pid_t adopt(long handle)
{
    if (handle < 0)
        return (pid_t)__result(handle);
    int place = free_place();
    long id = quire_call(process_watch, handle, ends, bit_of(place));
    if (id < 0) {
        quire_call(close, handle);
        return (pid_t)__result(id);
    }
    children[place] = (struct child){.pid = (pid_t)id, .handle = (int)handle};
    if (place == children_used)
        children_used++;
    return children[place].pid;
}

/* A new process becomes a child and starts. */
static pid_t begin(long process, const struct quire_start *start)
{
    pid_t pid = adopt(process);

    if (pid < 0)
        return pid;
    long err = quire_call(process_start, process, start);
    if (!err)
        return pid;
    forget(child_of(pid));
    return (pid_t)__result(err);
}

/*
 * The child has a copy of the memory but only the calling thread, so no other thread may be in the middle of a change:
 * its locks would stay locked for ever.
 */
pid_t fork(void)
{
    struct quire_start start = {.nr_same = QUIRE_HANDLES_MAX};

    lock(&children_lock);
    bool room = make_room() && make_notification();
    __lock_files();
    __lock_archive();
    __lock_keys();
    __lock_threads();
    __lock_heap();
    long copy = room ? quire_call(process_clone) : -ENOMEM;
    bool in_child = copy == QUIRE_IN_CHILD;
    __unlock_heap(in_child);
    __unlock_threads(in_child);
    __unlock_keys(in_child);
    __unlock_archive(in_child);
    if (in_child) { /* the parent's children aren't this process's */
        children_used = 0;
        ends = -1;
        leads = interrupted = false;
        followers = 0;
    }
    pid_t pid = in_child ? 0 : begin(copy, &start);
    __unlock_files(in_child); /* the child gets its handles at the start: those that it knows */
    unlock_after_fork(&children_lock, in_child);
    return pid;
}

pid_t spawn(const char *path, char *const argv[])
{
    struct quire_start start;
    long process = program_load(path, argv, 0, &start);

    lock(&children_lock);
    if (process >= 0 && !(make_room() && make_notification())) {
        quire_call(close, process);
        process = -ENOMEM;
    }
    pid_t pid = begin(process, &start);
    unlock(&children_lock);
    return pid;
}

/* The process with this id; false: there is none. */
static bool find_process(pid_t pid, struct quire_process *p)
{
    for (long i = 0; quire_call(process_info, i, p) == 0; i++)
        if ((pid_t)p->id == pid)
            return true;
    return false;
}

/* --- waiting --------------------------------------------------------------------------- */
/* Notes which children have ended, of those that have one of these bits. Under children_lock. */
static void note_ended(unsigned long bits)
{
    for (int i = 0; i < children_used; i++) {
        struct child *c = &children[i];
        if (c->pid && !c->ended && bits & bit_of(i))
            c->ended = quire_call(process_status, c->handle, &c->status) == 0;
    }
}

/* A child that is waited for: one that has ended, or else another. NULL: there is none. Under children_lock. */
static struct child *wanted(pid_t pid)
{
    struct child *found = NULL;

    for (int i = 0; i < children_used; i++)
        if (children[i].pid && (pid == -1 || children[i].pid == pid) && (!found || children[i].ended))
            found = &children[i];
    return found;
}

static pid_t take(struct child *c, int *status, struct quire_crash *crash)
{
    pid_t pid = c->pid;

    if (status)
        *status = c->status;
    if (crash)
        quire_call(process_status, c->handle, &c->status, crash);
    forget(c);
    return pid;
}

/* Waits until a child may have ended; lets children_lock go meanwhile. */
static void wait_for_news(bool listens)
{
    unsigned long bits = 0;

    if (leads) {
        unsigned before = news;
        followers++;
        unlock(&children_lock);
        futex_wait(&news, before);
        lock(&children_lock);
        followers--;
        return;
    }
    leads = true;
    if (listens) { /* a Ctrl-C that came when an earlier wait was over interrupts no later one */
        notification_wait(ends, CTRL_C_BIT, QUIRE_INFO_LIMIT_US(1), &bits);
        quire_call(console_listen, 0, ends, CTRL_C_BIT);
    }
    unlock(&children_lock);
    long err = notification_wait(ends, ~0ul, 0, &bits);
    if (err) /* the program has closed the handle: look at all children again and again */
        quire_call(sleep, 200000);
    lock(&children_lock);
    if (listens)
        quire_call(console_listen, 0, ends, 0);
    leads = false;
    __atomic_add_fetch(&news, 1, __ATOMIC_RELAXED);
    if (followers)
        futex_wake(&news, FUTEX_ALL);
    interrupted |= listens && bits & CTRL_C_BIT;
    note_ended(err ? ~0ul : bits);
}

/* Under children_lock. */
static pid_t wait_locked(pid_t pid, int *status, int options, struct quire_crash *crash)
{
    bool listens = options & W_CTRL_C;
    struct child *c;

    interrupted &= !listens;
    if (options & WNOHANG)
        note_ended(~0ul);
    while ((c = wanted(pid)) && !c->ended) {
        if (options & WNOHANG)
            return 0;
        if (listens && interrupted)
            return (pid_t)__result(-EINTR);
        wait_for_news(listens);
    }
    return c ? take(c, status, crash) : (pid_t)__result(-ECHILD);
}

pid_t wait_crash(pid_t pid, int *status, int options, struct quire_crash *crash)
{
    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | W_CTRL_C) || pid == 0 || pid < -1)
        return (pid_t)__result(-EINVAL);
    lock(&children_lock);
    pid_t ended = wait_locked(pid, status, options, crash);
    unlock(&children_lock);
    return ended;
}

pid_t waitpid(pid_t pid, int *status, int options) { return wait_crash(pid, status, options, NULL); }
pid_t wait(int *status) { return waitpid(-1, status, 0); }

pid_t getppid(void)
{
    struct quire_process p;

    return find_process(getpid(), &p) ? (pid_t)p.parent : 0;
}

/* Without handlers a signal does to the process what it does by default; none of these is ignored by default. */
static bool ends_process(int sig)
{
    return sig == SIGHUP || sig == SIGINT || sig == SIGQUIT || sig == SIGILL || sig == SIGTRAP || sig == SIGABRT ||
           sig == SIGBUS || sig == SIGFPE || sig == SIGKILL || sig == SIGUSR1 || sig == SIGSEGV || sig == SIGUSR2 ||
           sig == SIGPIPE || sig == SIGALRM || sig == SIGTERM;
}

int raise(int sig)
{
    if (sig && !ends_process(sig))
        return (int)__result(-EINVAL);
    while (sig)
        quire_call(exit, 0, sig);
    return 0;
}

int kill(pid_t pid, int sig)
{
    struct quire_process p;
    long result = -ESRCH;

    if (pid <= 0 || (sig && !ends_process(sig)))
        return (int)__result(-EINVAL);
    if (pid == getpid())
        return raise(sig);
    lock(&children_lock);
    struct child *c = child_of(pid);
    if (c)
        result = sig ? quire_call(kill, c->handle) : 0;
    unlock(&children_lock);
    return (int)__result(c ? result : find_process(pid, &p) ? -EPERM : -ESRCH);
}
