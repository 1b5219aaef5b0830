/* SPDX-License-Identifier: MIT */
/*
 * A device of QEMU's board, for tests of drivers: Goldfish RTC, nanoseconds since 1970; reading LOW latches HIGH.
 */
#pragma once

#define DEVICE_ADDRESS 0x101000ul
#define RTC_TIME_LOW   0
#define RTC_TIME_HIGH  1
#define RTC_ALARM_LOW  2 /* sets the alarm */
#define RTC_ALARM_HIGH 3
#define RTC_IRQ_ON     4
#define RTC_CLEAR      7 /* the line goes down */

#define DEVICE_INTERRUPT    11
#define DEVICE_HAS_EDGES    0
#define DEVICE_ASKS_AGAIN   0 /* QEMU's PLIC doesn't look at the line when an interrupt is complete */

static inline int device_answers(volatile unsigned *registers)
{
    unsigned long low = registers[RTC_TIME_LOW];
    unsigned long ns = low | (unsigned long)registers[RTC_TIME_HIGH] << 32;
    return ns / 1000000000 >= 1704067200; /* 2024-01-01 */
}

static inline void device_set_up(volatile unsigned *registers, int edge)
{
    (void)edge;
    registers[RTC_IRQ_ON] = 1;
    registers[RTC_ALARM_HIGH] = 0;
}

static inline void device_raise(volatile unsigned *registers) { registers[RTC_ALARM_LOW] = 0; /* long ago */ }
static inline void device_quiet(volatile unsigned *registers) { registers[RTC_CLEAR] = 1; }
