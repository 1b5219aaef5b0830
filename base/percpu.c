/* SPDX-License-Identifier: MIT */
/* What each CPU has for itself: see <quire/percpu.h>. */
#include <quire/percpu.h>

struct percpu percpu_area[MAX_CPUS];
unsigned nr_cpus;
