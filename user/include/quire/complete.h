/* SPDX-License-Identifier: MIT */
/* Completing the word before the cursor, as Tab does in the shell. */
#pragma once

#include <quire/line_edit.h>

#define COMPLETE_NAME_MAX 64

/*
 * The i-th name that a word may stand for, NULL behind the last one; it stays valid until the next call. `command` is
 * the word that the command begins with, of `length` bytes; 0: the word itself begins a command.
 */
typedef const char *complete_names(long i, const char *command, size_t length);

/* One name fits: completes it. Several do: adds what they have in common, or lists them. None: rings the bell. */
void complete_word(struct line_edit *e, complete_names *names);
