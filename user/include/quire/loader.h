/* SPDX-License-Identifier: MIT */
/* From a file to a process, or to a guest. spawn() in <unistd.h> is the simple way. */
#pragma once

#include <quire/abi.h>

/*
 * A process with this program in its memory, with its arguments (argv NULL: none), and not started. ceiling:
 * the highest priority of its threads; 0: this process's own. *start is how it
 * starts: process_start needs only this. Returns a handle; -ENOENT, -ENOEXEC (and a line on standard error says why),
 * -E2BIG, -ENOMEM, -EMFILE, -EPERM: the ceiling is above this process's own.
 */
long program_load(const char *path, char *const argv[], unsigned ceiling, struct quire_start *start);

/* A guest with this program, in a folio of this order. Returns a handle, or an error of guest_create; -ENOENT. */
long guest_load(unsigned long order, const char *path);
