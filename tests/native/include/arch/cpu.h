/* SPDX-License-Identifier: MIT */
/* CPUs of the native machine: one thread plays them all, one after the other (cpu_play). */
#pragma once

#include <quire/types.h>

struct percpu;
extern unsigned cpu_playing;

#define this_cpu() (&percpu_area[cpu_playing])

static inline void arch_irq_enable(void) {}
static inline void arch_irq_disable(void) {}
static inline bool arch_irq_enabled(void) { return false; }
static inline void cpu_pause(void) {}
void cpu_relax(void); /* a wait here would never end, so it fails the test */
u64 arch_cycles(void);
