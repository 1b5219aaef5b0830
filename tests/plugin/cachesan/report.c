/* SPDX-License-Identifier: MIT */
/*
 * cachesan's output, on QEMU's stderr, each line by one write(2). Each line of 64 bytes that ran unsynchronised is
 * reported once for each CPU and missing step; the last line counts all executions.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cachesan.h"

struct totals totals;

static void say_v(const char *format, va_list arguments)
{
    char line[600];
    size_t at = 0, room = sizeof(line) - 3;

    if (options.frame)
        line[at++] = 0x1e;
    at += (size_t)snprintf(line + at, room - at, "cachesan: ");
    at += (size_t)vsnprintf(line + at, room - at, format, arguments);
    at = at > room ? room : at;
    if (options.frame)
        line[at++] = 0x1f;
    else
        line[at++] = '\n';
    if (write(STDERR_FILENO, line, at) < 0)
        return; /* nobody reads the output */
}

void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say_v(format, arguments);
    va_end(arguments);
}

/* Whether this is the first time. A full table is emptied. */
static bool is_new(u64 key)
{
    static u64 told[4096];
    u64 *slot = &told[(key * 0x9e3779b97f4a7c15ul) >> 52];

    return __atomic_exchange_n(slot, key, __ATOMIC_RELAXED) != key;
}

void report(unsigned cpu, u64 pc, u64 pa, store_t s, const char *missing, ...)
{
    u64 from = store_pc(s);
    char why[300], store[40] = "at a pc not kept";
    va_list arguments;

    count(stale);
    if (!is_new(pc >> 6 ^ (u64)missing << 20 ^ (u64)cpu << 58) || totals.reports >= options.max_reports)
        return;
    count(reports);
    va_start(arguments, missing);
    vsnprintf(why, sizeof(why), missing, arguments);
    va_end(arguments);
    if (from)
        snprintf(store, sizeof(store), "at pc 0x%lx", from);
    say("CPU %u ran unsynchronised code: pc 0x%lx, memory 0x%lx; stored by CPU %u %s; missing: %s", cpu, pc, pa, store_cpu(s), store, why);
}
