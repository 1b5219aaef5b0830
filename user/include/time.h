/* SPDX-License-Identifier: MIT */
#pragma once
#include <sys/types.h>
typedef long time_t;
struct timespec {
    time_t tv_sec;
    long tv_nsec;
};
#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
int clock_gettime(int clock, struct timespec *now);
int nanosleep(const struct timespec *how_long, struct timespec *left);
