/* SPDX-License-Identifier: MIT */
/* Says of a child that crashed where it was: function, file, line, and the calls that led there. */
#pragma once

#include <sys/types.h>
#include <quire/crash.h>

/*
 * As waitpid(), and if the child was ended by a fault, or aborted, prints where it was. The names and lines are those
 * in the child's program (<quire/places.h>); without them, the address alone is printed.
 */
pid_t wait_explain(pid_t pid, int *status, int options);

/* As waitpid(), with the kernel's record of the crash; crash->name is empty if it was none. */
pid_t wait_crash(pid_t pid, int *status, int options, struct quire_crash *crash);
