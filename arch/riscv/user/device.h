/* SPDX-License-Identifier: MIT */
/*
 * A device of QEMU's board, for tests of device memory: Goldfish RTC, nanoseconds since 1970; reading LOW latches HIGH.
 */
#pragma once

#define DEVICE_ADDRESS 0x101000ul
#define RTC_TIME_LOW   0
#define RTC_TIME_HIGH  1

static inline int device_answers(volatile unsigned *registers)
{
    unsigned long low = registers[RTC_TIME_LOW];
    unsigned long ns = low | (unsigned long)registers[RTC_TIME_HIGH] << 32;
    return ns / 1000000000 >= 1704067200; /* 2024-01-01 */
}
