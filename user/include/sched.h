/* SPDX-License-Identifier: MIT */
#pragma once
int sched_yield(void);
int sched_getcpu(void);
