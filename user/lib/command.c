/* SPDX-License-Identifier: MIT */
/* Command lines cut into words and run: see <quire/command.h>. */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <quire/command.h>
#include <quire/explain.h>

static int ends_command(char c) { return c == 0 || c == ';' || c == '&' || c == '\n'; }

/* Signs that other shells know. NULL: at p is none of them. */
static const char *foreign_sign(const char *p)
{
    switch (*p) {
    case '|':
        if (p[1] == '|')
            return "there is no ||: a; b runs b after a, whatever the status of a is";
        return "there are no pipes: no program reads what another one prints (quotes make | a word)";
    case '<':
    case '>':
        return "input and output can't go to files: the console is all there is (quotes make < and > words)";
    default:
        return NULL;
    }
}

/* One word at *from; its text moves to the left as the quotes are removed. */
static const char *take_word(char **from, char **word)
{
    char *in = *from, *out = in;

    *word = out;
    while (!ends_command(*in) && !isspace(*in)) {
        char quote = *in == '\'' || *in == '"' ? *in++ : 0;
        if (!quote) {
            const char *wrong = foreign_sign(in);
            if (wrong)
                return wrong;
            *out++ = *in++;
            continue;
        }
        while (*in && *in != quote)
            *out++ = *in++;
        if (!*in)
            return "a quote has no end";
        in++;
    }
    *from = in;
    return out == in ? NULL : (*out = 0, NULL);
}

const char *command_next(char **line, struct command *command)
{
    char *p = *line;

    memset(command, 0, sizeof(*command));
    for (;;) {
        while (isspace(*p) && *p != '\n')
            *p++ = 0;
        if (ends_command(*p))
            break;
        if (command->argc == COMMAND_MAX_ARGS)
            return "too many words";
        const char *wrong = take_word(&p, &command->argv[command->argc++]);
        if (wrong)
            return wrong;
    }
    command->background = *p == '&';
    if (p[0] == '&' && p[1] == '&')
        return "there is no &&: a; b runs b after a, whatever the status of a is";
    *line = *p ? p + 1 : NULL;
    *p = 0;
    return NULL;
}

void command_path(const char *name, char path[COMMAND_PATH])
{
    snprintf(path, COMMAND_PATH, "%s%s", strchr(name, '/') ? "" : "bin/", name);
}

pid_t command_start(const struct command *command)
{
    char path[COMMAND_PATH];

    command_path(command->argv[0], path);
    return spawn(path, command->argv);
}

int command_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int command_run(const struct command *command)
{
    int status = 0;
    pid_t pid = command_start(command);

    if (pid < 0) {
        perror(command->argv[0]);
        return 127;
    }
    if (wait_explain(pid, &status, W_CTRL_C) == pid)
        return command_code(status);
    kill(pid, SIGTERM); /* Ctrl-C. Meanwhile it may have ended by itself, and then its own status counts */
    if (waitpid(pid, &status, 0) != pid) { /* whatever became of it, it hasn't ended well */
        perror(command->argv[0]);
        return 127;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : COMMAND_CTRL_C;
}
