/* SPDX-License-Identifier: MIT */
/*
 * The first program. With run="prog args; prog args" on the kernel's command line it runs those and powers off,
 * status 0 only if every one ended with 0; otherwise it keeps a shell running.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <quire/sys.h>

#define MAX_ARGS 16

static int status_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

/* One command; its exit code as a shell would give it. */
static int run(char *command)
{
    char *argv[MAX_ARGS + 1], path[96];
    int argc = 0, status;

    for (char *p = command; *p && argc < MAX_ARGS;) {
        while (*p == ' ')
            *p++ = 0;
        if (*p)
            argv[argc++] = p;
        while (*p && *p != ' ')
            p++;
    }
    argv[argc] = NULL;
    if (!argc)
        return 0;
    snprintf(path, sizeof(path), "%s%s", strchr(argv[0], '/') ? "" : "bin/", argv[0]);
    pid_t pid = spawn(path, argv);
    if (pid < 0) {
        perror(argv[0]);
        return 127;
    }
    waitpid(pid, &status, 0);
    return status_code(status);
}

static int run_all(char *commands)
{
    int worst = 0;

    while (commands) {
        char *rest = strchr(commands, ';');
        if (rest)
            *rest++ = 0;
        char text[96];
        strlcpy(text, commands, sizeof(text));
        int code = run(commands);
        if (code) {
            printf("init: \"%s\" ended with status %d\n", text, code);
            worst = worst ? worst : code;
        }
        commands = rest;
    }
    return worst;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        quire_call(poweroff, run_all(argv[1]));
    for (;;) {
        char shell[] = "sh";
        int code = run(shell);
        printf("init: the shell ended with status %d; here is another\n", code);
        if (code == 127)
            quire_call(poweroff, 127);
    }
}
