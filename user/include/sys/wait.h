/* SPDX-License-Identifier: MIT */
/* A status is the exit code * 256, or the number of the signal that ended the process. */
#pragma once
#include <sys/types.h>
#define WNOHANG         1
#define WUNTRACED       2 /* no process is ever stopped */
#define WCONTINUED      8 /* nor continued */
#define WEXITSTATUS(s)  ((s) >> 8 & 255)
#define WTERMSIG(s)     ((s)&127)
#define WIFEXITED(s)    (WTERMSIG(s) == 0)
#define WIFSIGNALED(s)  (WTERMSIG(s) != 0)
#define WIFSTOPPED(s)   ((void)(s), 0)
#define WIFCONTINUED(s) ((void)(s), 0)
#define WSTOPSIG(s)     WEXITSTATUS(s)
pid_t wait(int *status);
/* Not POSIX: an option of waitpid(). The child is in the foreground; Ctrl-C ends the wait (EINTR), but not the child. */
#define W_CTRL_C 0x100
/* With WNOHANG: 0 if no such child has ended. ECHILD: there is no such child; EINVAL: other options, groups. */
pid_t waitpid(pid_t pid, int *status, int options);
