/* SPDX-License-Identifier: MIT */
/* Devices of this machine are reached by channel programs: none has registers at addresses. */
#pragma once

#define DEVICE_ADDRESS 0ul /* none */

static inline int device_answers(volatile unsigned *registers) { return (void)registers, 0; }
