/* SPDX-License-Identifier: MIT */
/*
 * Each thread has one word that programs set and read without a system call, for thread-local storage: it is kept over
 * system calls, switches and moves to other CPUs, and copied by fork(). A new thread's word is 0. The library itself
 * doesn't use it.
 *
 * void thread_pointer_set(unsigned long value);
 * unsigned long thread_pointer(void);
 */
#pragma once

#include <thread_pointer_bits.h>
