/* SPDX-License-Identifier: MIT */
/* Schedules: numbers that describe an order completely, so that it can be repeated. */
#pragma once

#include <quire/types.h>

#define OPERATIONS_MAX 3u
#define CHANGES_MAX    3u

/* Before the place with this number, that CPU goes on. */
struct change {
    u32 place;
    u8 to;
};

struct schedule {
    u8 nr_cpus, nr_changes;
    u8 order[OPERATIONS_MAX]; /* the CPU that begins, and the CPUs that are next when one ends or waits */
    struct change change[CHANGES_MAX];
};

/* The text form: "01:12,340", with three CPUs "021:12@2,340@0". */
void schedule_print(char *text, size_t size, const struct schedule *s);
bool schedule_parse(const char *text, unsigned nr_cpus, struct schedule *s);
