/* SPDX-License-Identifier: MIT */
/* A status is the exit code; a process that died by a fault has 128 + the signal's usual number. */
#pragma once
#include <sys/types.h>
#define WEXITSTATUS(s) ((s) >> 8 & 255)
#define WTERMSIG(s) ((s) & 127)
#define WIFEXITED(s) (WTERMSIG(s) == 0)
#define WIFSIGNALED(s) (WTERMSIG(s) != 0)
pid_t wait(int *status);
/* Not POSIX: an option of waitpid(). The child is in the foreground; Ctrl-C ends the wait (EINTR), but not the child. */
#define W_CTRL_C 0x100
pid_t waitpid(pid_t pid, int *status, int options); /* options: 0 or W_CTRL_C */
