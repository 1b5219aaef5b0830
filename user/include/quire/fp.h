/* SPDX-License-Identifier: MIT */
/*
 * Every floating-point and vector register of the machine, for tests. fp_hold() is in
 * arch/<machine>/user/fp_hold.S.
 */
#pragma once

#include <fp_bytes.h>

/*
 * Loads all of them from in, spins `spin` times or makes the system call `call` (not both: call < 0
 * means none), and stores all of them to out. Returns the system call's result, 0 without one. Both
 * buffers: FP_BYTES, aligned to 32.
 */
long fp_hold(const void *in, void *out, long spin, long call);
