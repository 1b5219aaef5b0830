/* SPDX-License-Identifier: MIT */
/* No handlers; kill() ends a child of the caller's, and its children. SIGINT is only a number, for COMMAND_CTRL_C. */
#pragma once
#include <sys/types.h>
#define SIGINT 2
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGSEGV 11
#define SIGTERM 15
int kill(pid_t pid, int sig);
