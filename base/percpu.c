/* SPDX-License-Identifier: MIT */
/* The data of each CPU: see <quire/percpu.h>. */
#include <quire/percpu.h>

struct percpu percpu_area[MAX_CPUS];
unsigned nr_cpus;
