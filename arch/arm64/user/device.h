/* SPDX-License-Identifier: MIT */
/* A device of QEMU's board, for tests of drivers: PL031, the clock (Arm DDI 0224C, 3.3). */
#pragma once

#define DEVICE_ADDRESS 0x09010000ul
#define RTCDR          0 /* seconds since 1970 */
#define RTCMR          1 /* when to interrupt */
#define RTCIMSC        4 /* 1: interrupts are on */
#define RTCICR         7 /* 1: the line goes down */
#define RTCPERIPHID0   (0xfe0 / 4)

#define DEVICE_INTERRUPT    34
#define DEVICE_HAS_EDGES    1
#define DEVICE_ASKS_AGAIN   1 /* a level that stays comes again after the acknowledge */

static inline int device_answers(volatile unsigned *registers)
{
    return registers[RTCDR] >= 1704067200 /* 2024-01-01 */ && (registers[RTCPERIPHID0] & 255) == 0x31;
}

static inline void device_set_up(volatile unsigned *registers, int edge)
{
    (void)edge; /* its line stays up until device_quiet() */
    registers[RTCIMSC] = 1;
}

static inline void device_raise(volatile unsigned *registers) { registers[RTCMR] = registers[RTCDR]; }
static inline void device_quiet(volatile unsigned *registers) { registers[RTCICR] = 1; }
