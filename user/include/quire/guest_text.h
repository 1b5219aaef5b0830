/* SPDX-License-Identifier: MIT */
/* Showing what a guest prints: it may hold anything, and must not look like lines of somebody else. */
#pragma once

#include <quire/abi.h>

#define GUEST_LINE_MAX sizeof(((struct quire_guest_exit *)0)->text)

/* The text as one line without its end: line ends in it and whatever a terminal would obey become '?'. */
void guest_line(char line[GUEST_LINE_MAX], const char *text);
/* That line, on standard output, behind "guest: ". */
void guest_print(const char *text);
