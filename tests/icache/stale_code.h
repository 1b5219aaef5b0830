/* SPDX-License-Identifier: MIT */
/*
 * ICACHE=stale in words: which line of user memory is old, who stored, which step is missing, what the cause may be.
 * The facts come from exec_shadow.h. The sentences go to the test that runs, or else to the console.
 */
#pragma once

#include <quire/types.h>
#include "exec_shadow.h"

/* Describe a line: what and who, which step is missing, the likely cause. ran: this CPU has run it; else it would run
 * it. */
#define STALE_SENTENCES 3
void stale_code_text(const struct stale_line *line, unsigned cpu, bool ran, char text[STALE_SENTENCES][160]);
