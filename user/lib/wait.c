/* SPDX-License-Identifier: MIT */
/*
 * fork, wait and waitpid. The kernel knows children by handle, POSIX by process id: a small table translates.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <quire/sys.h>

#define MAX_CHILDREN 64

static struct {
    pid_t pid;
    int handle;
} children[MAX_CHILDREN];

pid_t __register_child(long handle);

static void remember(pid_t pid, int handle)
{
    for (int i = 0; i < MAX_CHILDREN; i++)
        if (!children[i].pid) {
            children[i].pid = pid;
            children[i].handle = handle;
            return;
        }
}

static int handle_of(pid_t pid)
{
    for (int i = 0; i < MAX_CHILDREN; i++)
        if (children[i].pid == pid)
            return children[i].handle;
    return -1;
}

static void forget(pid_t pid)
{
    for (int i = 0; i < MAX_CHILDREN; i++)
        if (children[i].pid == pid)
            children[i].pid = 0; /* the kernel has closed the handle */
}

pid_t __register_child(long handle)
{
    if (handle < 0)
        return (pid_t)__result(handle);
    long pid = quire_call(process_id, handle);
    remember((pid_t)pid, (int)handle);
    return (pid_t)pid;
}

pid_t fork(void)
{
    long handle = quire_call(fork);

    if (handle != QUIRE_IN_CHILD)
        return __register_child(handle);
    for (int i = 0; i < MAX_CHILDREN; i++)
        children[i].pid = 0; /* the parent's children aren't this process's */
    return 0;
}

pid_t spawn(const char *path, char *const argv[]) { return __register_child(quire_call(spawn, path, argv)); }

pid_t waitpid(pid_t pid, int *status, int options)
{
    int handle = pid > 0 ? handle_of(pid) : -1;

    if ((options && options != W_CTRL_C) || pid == 0 || pid < -1)
        return (pid_t)__result(-EINVAL);
    if (pid > 0 && handle < 0)
        return (pid_t)__result(-ECHILD);
    long ended = __result(quire_call(wait, handle, status, options ? QUIRE_WAIT_CTRL_C : 0));
    if (ended > 0)
        forget((pid_t)ended);
    return (pid_t)ended;
}

pid_t wait(int *status) { return waitpid(-1, status, 0); }

int kill(pid_t pid, int sig)
{
    int handle = handle_of(pid);
    return sig != 9 && sig != 15 ? (int)__result(-EINVAL) : (int)__result(handle < 0 ? -ESRCH : quire_call(kill, handle));
}
