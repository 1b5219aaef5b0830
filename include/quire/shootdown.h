/* SPDX-License-Identifier: MIT */
/* Messages between CPUs: flushes, instruction fences, reschedule, stop. */
#pragma once

#include <quire/types.h>

void shootdown_serve(void);        /* do what this CPU's mailbox asks for; any context */
void cpu_request_reschedule(unsigned cpu);
void cpus_stop_others(void);       /* panic and power off: they halt for good */
