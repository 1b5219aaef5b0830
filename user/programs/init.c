/* SPDX-License-Identifier: MIT */
/*
 * The first program. With run="prog args; prog args" on the kernel's command line it runs these programs and powers
 * off, with status 0 only if all ended with 0. Without run= it keeps a shell running. "driver PROGRAM" among the
 * commands runs a program that may use devices.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <quire/command.h>
#include <quire/explain.h>
#include <quire/loader.h>
#include <quire/plural.h>
#include <quire/process.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("[COMMANDS]",
        "the first program: runs COMMANDS and ends the machine, or keeps a shell running");

/* "driver PROGRAM" gives the program init's right to devices. Returns its exit code, as command_run(). */
static int run_driver(char *const argv[])
{
    struct quire_start start;
    char path[COMMAND_PATH];
    int status = 0;

    command_path(argv[0] ? argv[0] : "", path);
    long driver = program_load(path, argv, 0, &start);
    start.nr_same = QUIRE_DEVICES + 1;
    long err = driver < 0 ? driver : quire_call(process_start, driver, &start);
    if (!err)
        err = process_wait(driver, &status);
    if (driver >= 0)
        quire_call(close, driver);
    if (!err)
        return command_code(status);
    printf("init: driver %s: %s\n", path, strerror((int)-err));
    return 127;
}

static int run(const struct command *command)
{
    return strcmp(command->argv[0], "driver") == 0 ? run_driver(&command->argv[1]) : command_run(command);
}

/*
 * The first exit code that isn't 0. The last line says how many programs ended; the script that started the machine
 * compares it with what it asked for. The program before may have left the last line without an end.
 */
static int run_all(char *line)
{
    struct command command;
    int worst = 0, nr = 0, good = 0;

    while (line) {
        const char *wrong = command_next(&line, &command);
        int code = wrong ? 2 : command.argc ? run(&command) : 0;
        if (wrong)
            printf("init: %s\n", wrong);
        else if (code)
            printf("init: \"%s\" ended with status %d\n", command.argv[0], code);
        nr += wrong || command.argc;
        good += !wrong && command.argc && code == 0;
        worst = worst ? worst : code;
        if (wrong)
            break;
    }
    printf("init: %d of %d program%s ended with status 0\n", good, nr, plural((unsigned long)nr));
    return worst;
}

/* Not in the foreground of init: the keys, and Ctrl-C with them, are the shell's own. */
static int run_shell(const struct command *shell)
{
    int status = 0;
    pid_t pid = command_start(shell);

    if (pid < 0) {
        perror(shell->argv[0]);
        return 127;
    }
    wait_explain(pid, &status, 0);
    return command_code(status);
}

int main(int argc, char **argv)
{
    struct command greeting = {.argv = {"cat", "motd", NULL}, .argc = 2},
                   shell = {.argv = {"sh", NULL}, .argc = 1};

    if (argc > 1)
        quire_call(poweroff, run_all(argv[1]));
    command_run(&greeting);
    for (;;) {
        int code = run_shell(&shell);
        if (code == 127)
            quire_call(poweroff, 127);
        printf("init: the shell ended with status %d; here is another\n", code);
    }
}
