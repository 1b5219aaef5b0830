/* SPDX-License-Identifier: MIT */
/*
 * The shell: one line, its commands one after the other. Programs are in bin/ of the boot archive; commands that must
 * run in the shell itself are in the table of builtins. Ctrl-D ends it.
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <quire/command.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("[-c COMMANDS]", "the shell: runs commands line by line");

static int last_code;

struct builtin {
    const char *name, *call, *text;
    int (*run)(const struct command *);
};
static const struct builtin builtins[];

/* --- builtins -------------------------------------------------------------------------- */
/* Every program prints its own line. */
static int run_help(const struct command *unused)
{
    struct quire_entry file;
    struct command ask = {.argv = {NULL, "--help", NULL}, .argc = 2};

    (void)unused;
    puts("In the shell:");
    for (const struct builtin *b = builtins; b->name; b++)
        printf("  %-24s %s\n", b->call, b->text);
    puts("Programs:");
    for (long i = 0; quire_call(entry, i, &file) == 0; i++)
        if (strncmp(file.name, "bin/", 4) == 0) {
            ask.argv[0] = file.name + 4;
            command_run(&ask);
        }
    puts("a; b runs a and then b; a & doesn't wait for a; 'a b' is one word. Ctrl-P shows all "
         "processes.");
    return 0;
}

static int run_exit(const struct command *c) { exit(c->argc > 1 ? atoi(c->argv[1]) : last_code); }

static int run_kill(const struct command *c)
{
    if (c->argc != 2 || !isdigit(c->argv[1][0])) {
        puts("usage: kill ID");
        return 2;
    }
    if (kill(atoi(c->argv[1]), SIGTERM) == 0)
        return 0;
    printf("kill: no program with id %s was started here\n", c->argv[1]);
    return 1;
}

/* Print how a background program ended. */
static void say_ended(pid_t pid, int status)
{
    if (WIFEXITED(status))
        printf("[%d] ended with status %d\n", pid, WEXITSTATUS(status));
    else
        printf("[%d] was ended, signal %d\n", pid, WTERMSIG(status));
}

static int run_wait(const struct command *unused)
{
    int status, code = 0;
    pid_t pid;

    (void)unused;
    while ((pid = wait(&status)) > 0) {
        say_ended(pid, status);
        code = command_code(status);
    }
    return code;
}

static const struct builtin builtins[] = {
    {"help", "help", "this list", run_help},
    {"exit", "exit [STATUS]", "ends the shell, as Ctrl-D does", run_exit},
    {"kill", "kill ID", "ends a program that was started with &", run_kill},
    {"wait", "wait", "waits for all programs that were started with &", run_wait},
    {NULL, NULL, NULL, NULL},
};

/* --- commands -------------------------------------------------------------------------- */
static const struct builtin *find_builtin(const char *name)
{
    for (const struct builtin *b = builtins; b->name; b++)
        if (strcmp(b->name, name) == 0)
            return b;
    return NULL;
}

static const char *signal_words(int signal)
{
    switch (signal) {
    case SIGILL:
        return "illegal instruction";
    case SIGTRAP:
        return "breakpoint";
    case SIGABRT:
        return "aborted";
    case SIGBUS:
        return "bus error";
    case SIGFPE:
        return "arithmetic error";
    case SIGKILL:
        return "killed";
    case SIGSEGV:
        return "bad memory access";
    default:
        return "signal";
    }
}

static int start_in_background(const struct command *c)
{
    pid_t pid = command_start(c);

    if (pid < 0)
        perror(c->argv[0]);
    else
        printf("[%d] %s\n", pid, c->argv[0]);
    return pid < 0 ? 127 : 0;
}

static void run_one(const struct command *c)
{
    const struct builtin *b = find_builtin(c->argv[0]);

    last_code = b ? b->run(c) : c->background ? start_in_background(c) : command_run(c);
    if (last_code > 128)
        printf("%s: status %d (%s)\n", c->argv[0], last_code, signal_words(last_code - 128));
    else if (last_code == 127)
        puts("(help lists what there is)");
    else if (last_code)
        printf("%s: status %d\n", c->argv[0], last_code);
}

static void run_line(char *line)
{
    struct command command;

    while (line) {
        const char *wrong = command_next(&line, &command);
        if (wrong) {
            printf("sh: %s\n", wrong);
            last_code = 2;
            return;
        }
        if (command.argc)
            run_one(&command);
    }
}

int main(int argc, char **argv)
{
    char line[256];

    if (argc == 3 && strcmp(argv[1], "-c") == 0) {
        run_line(argv[2]);
        return last_code;
    }
    if (argc != 1)
        usage();
    for (;;) {
        fputs("quire$ ", stdout);
        if (!fgets(line, sizeof(line), stdin))
            break;
        run_line(line);
    }
    putchar('\n');
    return 0;
}
