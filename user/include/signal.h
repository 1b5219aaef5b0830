/* SPDX-License-Identifier: MIT */
/*
 * There are no handlers: a signal that ends a process by default ends it, and no other signal can be sent. SIGINT is also
 * the number for COMMAND_CTRL_C.
 */
#pragma once
#include <sys/types.h>
#define SIGHUP  1
#define SIGINT  2
#define SIGQUIT 3
#define SIGILL  4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS  7
#define SIGFPE  8
#define SIGKILL 9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
typedef int sig_atomic_t;
/*
 * To the caller itself, or to a child of its own; sig 0 only looks whether the process is there. A child's status says
 * SIGKILL for every signal. EINVAL: no such signal, or a group of processes; EPERM: it is no child; ESRCH: no process.
 */
int kill(pid_t pid, int sig);
int raise(int sig);
