/* SPDX-License-Identifier: MIT */
/* Child processes: see process.h. */
#ifndef FUZZING
#include "process.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int child_run(void (*body)(const void *), const void *arg, enum child_voice voice, unsigned seconds)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) {
        perror("native: fork");
        exit(2);
    }
    if (pid == 0) {
        alarm(seconds);
        int out = voice == CHILD_SILENT ? open("/dev/null", O_WRONLY) : -1;
        if (out >= 0) {
            dup2(out, 1);
            dup2(out, 2);
        } else {
            dup2(1, 2);
        }
        body(arg);
        fflush(stdout);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    return status;
}
#endif
