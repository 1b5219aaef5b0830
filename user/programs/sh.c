/* SPDX-License-Identifier: MIT */
/*
 * The shell: one line, its commands one after the other. Programs are in bin/ of the boot archive; commands that must
 * run in the shell itself are in the table of builtins. Ctrl-C ends the program in the foreground, and the rest of the
 * line isn't run. Ctrl-D ends the shell.
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
#include <quire/complete.h>
#include <quire/explain.h>
#include <quire/files.h>
#include <quire/line_edit.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("[-c COMMANDS]", "the shell: runs commands line by line");

#define BIN "bin/"

static int last_code;

struct builtin {
    const char *name, *call, *text;
    int (*run)(const struct command *);
};
static const struct builtin builtins[];

/* The name of the n-th program, in *file; NULL: there are fewer. */
static const char *nth_program(long n, struct listed_file *file)
{
    for (long i = 0; list_file(i, file) == 0; i++)
        if (strncmp(file->name, BIN, strlen(BIN)) == 0 && n-- == 0)
            return file->name + strlen(BIN);
    return NULL;
}

/* --- builtins -------------------------------------------------------------------------- */
static const struct builtin *find_builtin(const char *name)
{
    for (const struct builtin *b = builtins; b->name; b++)
        if (strcmp(b->name, name) == 0)
            return b;
    return NULL;
}

static void say_builtin(const struct builtin *b) { printf("  %-24s %s\n", b->call, b->text); }

/* Every program prints its own line. */
static int ask_program(char *name)
{
    struct command ask = {.argv = {name, "--help", NULL}, .argc = 2};

    return command_run(&ask);
}

static int help_on(char *name)
{
    const struct builtin *b = find_builtin(name);
    struct listed_file file;

    if (b) {
        say_builtin(b);
        return 0;
    }
    for (long i = 0; nth_program(i, &file); i++)
        if (strcmp(file.name + strlen(BIN), name) == 0)
            return ask_program(name);
    const char *instead = unknown_command(name);
    printf("help: there is no command %s%s%s\n", name, instead ? "; " : "; help alone lists all commands",
           instead ? instead : "");
    return 1;
}

static int run_help(const struct command *c)
{
    struct listed_file file;

    if (c->argc > 2) {
        puts("usage: help [NAME]");
        return 2;
    }
    if (c->argc == 2)
        return help_on(c->argv[1]);
    puts("In the shell:");
    for (const struct builtin *b = builtins; b->name; b++)
        say_builtin(b);
    puts("Programs:");
    for (long i = 0; nth_program(i, &file); i++)
        if (ask_program(file.name + strlen(BIN)) == COMMAND_CTRL_C)
            return COMMAND_CTRL_C;
    puts("a; b runs a and then b; a & doesn't wait for a; 'a b' is one word.\n"
         "Ctrl-C ends a program, Ctrl-P shows all processes, Tab completes a word, arrows edit and bring back lines.\n"
         "Ctrl-A E W U K L edit as usual (QEMU: type Ctrl-A twice); Ctrl-a x ends QEMU, Ctrl-D the shell.");
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

static int run_wait(const struct command *c)
{
    int status, code = 0;
    pid_t pid;

    if (c->argc > 1) {
        puts("usage: wait");
        return 2;
    }
    while ((pid = wait_explain(-1, &status, W_CTRL_C)) > 0) {
        say_ended(pid, status);
        code = command_code(status);
    }
    return errno == EINTR ? COMMAND_CTRL_C : code;
}

static const struct builtin builtins[] = {
    {"help", "help [NAME]", "all commands, or one", run_help},
    {"exit", "exit [STATUS]", "ends the shell, as Ctrl-D does", run_exit},
    {"kill", "kill ID", "ends a program that was started with &", run_kill},
    {"wait", "wait", "waits for all programs that were started with &, or until Ctrl-C", run_wait},
    {NULL, NULL, NULL, NULL},
};

/* --- commands -------------------------------------------------------------------------- */
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

/* The command couldn't be started, and the reason was printed. */
static void say_not_found(const char *name)
{
    const char *instead = unknown_command(name);

    printf("(%s)\n", instead ? instead : "help lists what there is");
}

/* Every program knows --help, too: see <quire/program.h>. */
static int run_builtin(const struct builtin *b, const struct command *c)
{
    if (c->argc != 2 || strcmp(c->argv[1], "--help") != 0)
        return b->run(c);
    say_builtin(b);
    return 0;
}

static void run_one(const struct command *c)
{
    const struct builtin *b = find_builtin(c->argv[0]);

    last_code = b ? run_builtin(b, c) : c->background ? start_in_background(c) : command_run(c);
    if (last_code == COMMAND_CTRL_C)
        printf("^C\n%s: ended by Ctrl-C\n", c->argv[0]);
    else if (last_code > 128)
        printf("%s: status %d (%s)\n", c->argv[0], last_code, signal_words(last_code - 128));
    else if (last_code == 127)
        say_not_found(c->argv[0]);
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
        if (command.argc && last_code == COMMAND_CTRL_C)
            return;
    }
}

/* --- lines ----------------------------------------------------------------------------- */
static void show(const char *text, size_t n) { write(STDOUT_FILENO, text, n); }

/* Names that Tab knows: commands at the beginning of a command and behind help, else files. See <quire/complete.h>. */
static const char *names(long i, const char *command, size_t length)
{
    static struct listed_file file;
    const long nr_builtins = sizeof(builtins) / sizeof(builtins[0]) - 1;

    if (length && (length != 4 || strncmp(command, "help", 4) != 0))
        return list_file(i, &file) == 0 ? file.name : NULL;
    if (i < nr_builtins)
        return builtins[i].name;
    return nth_program(i - nr_builtins, &file);
}

static void complete(struct line_edit *e) { complete_word(e, names); }

static struct line_edit line = {.prompt = "quire$ ", .show = show, .complete = complete};

/* Reads a line of the terminal into `line`. Keys behind its end stay for the program that it starts. */
static enum line_answer read_line(void)
{
    enum line_answer answer = LINE_GOES_ON;
    char key;

    line_begin(&line);
    while (answer == LINE_GOES_ON)
        answer = quire_call(read, STDIN_FILENO, &key, 1, QUIRE_READ_KEYS) == 1 ? line_key(&line, key) : LINE_NO_MORE;
    return answer;
}

int main(int argc, char **argv)
{
    enum line_answer answer;

    if (argc == 3 && strcmp(argv[1], "-c") == 0) {
        run_line(argv[2]);
        return last_code;
    }
    if (argc != 1)
        usage();
    /* The last one that waited like this gets Ctrl-C. There is no child yet, so this takes Ctrl-C from the parent. */
    waitpid(-1, NULL, W_CTRL_C);
    while ((answer = read_line()) != LINE_NO_MORE)
        if (answer == LINE_READY)
            run_line(line.text);
        else if (answer == LINE_TOO_LONG)
            printf("sh: a line has at most %d characters; this one is longer, and nothing of it was run\n", LINE_MAX);
    putchar('\n');
    return 0;
}
