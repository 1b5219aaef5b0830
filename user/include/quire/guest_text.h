/* SPDX-License-Identifier: MIT */
/* Showing a guest's text: it may hold any bytes, and must not look like lines of another program. */
#pragma once

#include <quire/abi.h>

#define GUEST_LINE_MAX sizeof(((struct quire_guest_exit *)0)->text)

/* Make one line of the text, without a line end: line ends and control characters in it become '?'. */
void guest_line(char line[GUEST_LINE_MAX], const char *text);
/* That line, on standard output, behind "guest: ". */
void guest_print(const char *text);
