/* SPDX-License-Identifier: MIT */
/* The machine has no calendar: every clock counts from boot. */
#pragma once
#include <stddef.h>
#include <sys/types.h>
struct timespec {
    time_t tv_sec;
    long tv_nsec;
};
#define CLOCK_REALTIME  0
#define CLOCK_MONOTONIC 1
#define CLOCKS_PER_SEC  1000000L
time_t time(time_t *to);
double difftime(time_t later, time_t earlier);
clock_t clock(void);
int clock_gettime(int clock, struct timespec *now);
int nanosleep(const struct timespec *how_long, struct timespec *left);
