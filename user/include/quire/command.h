/* SPDX-License-Identifier: MIT */
/*
 * Command lines, as init and the shell read them: words, '...' and "..." around them, ; and &
 * behind them.
 */
#pragma once

#include <sys/types.h>

#define COMMAND_MAX_ARGS 31

struct command {
    char *argv[COMMAND_MAX_ARGS + 1];
    int argc;
    int background; /* it ended with & */
};

/*
 * Takes the next command off *line and leaves the rest there, NULL if there is none; the text is cut in place. Returns
 * NULL: fine; else a sentence on what is wrong: a quote without an end, too many words, or signs of other shells that
 * mean nothing here: | < > &&.
 */
const char *command_next(char **line, struct command *command);

#define COMMAND_PATH 128 /* bytes */
/* Where the program of this name is: bin/NAME, or the name itself if it holds a slash. */
void command_path(const char *name, char path[COMMAND_PATH]);
/* Starts it. -1: errno says why. */
pid_t command_start(const struct command *command);

/* The code of a command that Ctrl-C has ended: 128 + SIGINT. */
#define COMMAND_CTRL_C 130

/*
 * Starts it in the foreground and waits; prints a message if it can't be started. Ctrl-C ends it. If it crashes, prints
 * where it was. Returns the exit code, 128 + the signal that it died of, COMMAND_CTRL_C, or 127: it wasn't started, or
 * nobody knows what became of it.
 */
int command_run(const struct command *command);
/* What there is here instead of a command that other systems have, as a sentence; NULL: it isn't known. */
const char *unknown_command(const char *name);
int command_code(int status); /* converts a status of wait() to the result of command_run() */
