/* SPDX-License-Identifier: MIT */
/* Devices of this machine are reached by channel programs: none has registers at addresses. */
#pragma once

#define DEVICE_ADDRESS 0ul /* none */

static inline int device_answers(volatile unsigned *registers) { return (void)registers, 0; }

#define DEVICE_INTERRUPT    0 /* the service signal is the kernel's own */
#define DEVICE_HAS_EDGES    0
#define DEVICE_ASKS_AGAIN   0

static inline void device_set_up(volatile unsigned *registers, int edge) { (void)registers, (void)edge; }
static inline void device_raise(volatile unsigned *registers) { (void)registers; }
static inline void device_quiet(volatile unsigned *registers) { (void)registers; }
