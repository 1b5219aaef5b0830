/* SPDX-License-Identifier: MIT */
/*
 * fork, wait, waitpid and kill. The kernel knows children by handle, POSIX by process id: a small table translates.
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
#include <quire/sys.h>
#include "lock.h"

#define FIRST_CHILDREN 32

static struct child {
    pid_t pid; /* 0: the place is free */
    int handle;
} first_children[FIRST_CHILDREN], *children = first_children;
static int children_room = FIRST_CHILDREN;
static int children_used; /* the places from here on are free */
static int children_lock;

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

/* Under children_lock; there is room. */
static void remember(pid_t pid, int handle)
{
    for (int i = 0; i < children_room; i++)
        if (i == children_used || !children[i].pid) {
            children[i].pid = pid;
            children[i].handle = handle;
            children_used += i == children_used;
            return;
        }
}

static int handle_of(pid_t pid)
{
    int handle = -1;

    lock(&children_lock);
    for (int i = 0; i < children_used; i++)
        if (children[i].pid == pid)
            handle = children[i].handle;
    unlock(&children_lock);
    return handle;
}

static void forget(pid_t pid)
{
    lock(&children_lock);
    for (int i = 0; i < children_used; i++)
        if (children[i].pid == pid)
            children[i].pid = 0; /* the kernel has closed the handle */
    while (children_used && !children[children_used - 1].pid)
        children_used--;
    unlock(&children_lock);
}

/*
 * Under children_lock since before the system call: another thread that waits may get the child at any time, and
 * forgets it only after this. There is room. The kernel has stored the child's id for the same reason.
 */
static pid_t new_child(long handle, uint64_t id)
{
    if (handle < 0)
        return (pid_t)__result(handle);
    remember((pid_t)id, (int)handle);
    return (pid_t)id;
}

/*
 * The child has a copy of the memory but only the calling thread, so no other thread may be in the middle of a change:
 * its locks would stay locked for ever.
 */
pid_t fork(void)
{
    uint64_t id = 0;

    lock(&children_lock);
    bool room = make_room();
    __lock_keys();
    __lock_threads();
    __lock_heap();
    long handle = room ? quire_call(fork, &id) : -ENOMEM;
    bool in_child = handle == QUIRE_IN_CHILD;
    __unlock_heap();
    __unlock_threads(in_child);
    __unlock_keys();
    if (in_child)
        children_used = 0; /* the parent's children aren't this process's */
    pid_t pid = in_child ? 0 : new_child(handle, id);
    unlock(&children_lock);
    return pid;
}

pid_t spawn(const char *path, char *const argv[])
{
    uint64_t id = 0;

    lock(&children_lock);
    long handle = make_room() ? quire_call(spawn, path, argv, &id) : -ENOMEM;
    pid_t pid = new_child(handle, id);
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

/* A child of the caller's that has ended: this one, or any (-1). 0: none has ended; -1: the caller has no such child.
 */
static pid_t ended_child(pid_t wanted)
{
    pid_t found = -1;
    struct quire_process p;

    for (long i = 0; quire_call(process_info, i, &p) == 0; i++) {
        if ((pid_t)p.parent != getpid() || (wanted != -1 && (pid_t)p.id != wanted))
            continue;
        if (p.exited)
            return (pid_t)p.id;
        found = 0;
    }
    return found;
}

pid_t wait_crash(pid_t pid, int *status, int options, struct quire_crash *crash)
{
    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | W_CTRL_C) || pid == 0 || pid < -1)
        return (pid_t)__result(-EINVAL);
    if (options & WNOHANG) {
        pid_t ended = ended_child(pid);
        if (ended <= 0)
            return ended ? (pid_t)__result(-ECHILD) : 0;
        pid = handle_of(ended) < 0 ? pid : ended;
    }
    int handle = pid > 0 ? handle_of(pid) : -1;
    if (pid > 0 && handle < 0)
        return (pid_t)__result(-ECHILD);
    long ended = __result(quire_call(wait, handle, status, options & W_CTRL_C ? QUIRE_WAIT_CTRL_C : 0, crash));
    if (ended > 0)
        forget((pid_t)ended);
    return (pid_t)ended;
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
    int handle = pid > 0 ? handle_of(pid) : -1;
    struct quire_process p;

    if (pid <= 0 || (sig && !ends_process(sig)))
        return (int)__result(-EINVAL);
    if (pid == getpid())
        return raise(sig);
    if (handle < 0)
        return (int)__result(find_process(pid, &p) ? -EPERM : -ESRCH);
    return sig ? (int)__result(quire_call(kill, handle)) : 0;
}
