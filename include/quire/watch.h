/* SPDX-License-Identifier: MIT */
/*
 * The watch: a debug kernel says where a CPU is that gets nowhere (base/check/watch.c). A CPU gets on when it switches
 * threads, returns to user mode, or passes a preemption point. Release kernels have no watch.
 */
#pragma once

#include <quire/percpu.h>

#define WATCH_TICK_NS 1000000000UL /* how often a CPU looks */

struct trapframe;

#if QUIRE_CHECKS
static inline void watch_gets_on(void) { this_cpu()->watch.progress++; }
static inline void watch_switch(bool watched) { this_cpu()->watch.watched = watched, watch_gets_on(); }
extern u64 watch_limit_ns;                   /* a CPU that gets nowhere for so long is stuck; tests make it shorter */
void watch_tick(const struct trapframe *tf); /* in the timer's interrupt; tf: what it interrupted */
void watch_lock(u64 *since);                 /* in the loop of somebody who waits for a lock: *since begins at 0 */
#else
static inline void watch_gets_on(void) {}
static inline void watch_switch(bool watched) { (void)watched; }
static inline void watch_tick(const struct trapframe *tf) { (void)tf; }
static inline void watch_lock(u64 *since) { (void)since; }
#endif
