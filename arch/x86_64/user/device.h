/* SPDX-License-Identifier: MIT */
/* A device of QEMU's board, for tests of drivers: the HPET (IA-PC HPET specification 1.0a, 2.3.4). */
#pragma once

#define DEVICE_ADDRESS 0xfed00000ul
#define HPET_ID        0 /* bits 31-16: the vendor */
#define HPET_PERIOD    1 /* femtoseconds of a tick, at most 100 ns */
#define HPET_CONFIG    (0x10 / 4)
#define HPET_ON        1
#define HPET_STATUS    (0x20 / 4) /* bit n written: the line of timer n goes down */
#define HPET_TIMER     (0x100 / 4)
#define HPET_TIMER_LEVEL     2
#define HPET_TIMER_INTERRUPT 4
#define HPET_TIMER_ROUTE(n)  ((n) << 9)
#define HPET_WHEN_LOW  (0x108 / 4)
#define HPET_WHEN_HIGH (0x10c / 4)

#define DEVICE_INTERRUPT    20 /* one of those that HPET_TIMER's upper word allows */
#define DEVICE_HAS_EDGES    1
#define DEVICE_ASKS_AGAIN   1 /* a level that stays comes again after the acknowledge */

static inline int device_answers(volatile unsigned *registers)
{
    return registers[HPET_ID] >> 16 == 0x8086 && registers[HPET_PERIOD] && registers[HPET_PERIOD] <= 100000000;
}

static inline void device_set_up(volatile unsigned *registers, int edge)
{
    registers[HPET_CONFIG] = 0; /* it doesn't look at the time that was set before */
    registers[HPET_TIMER] = HPET_TIMER_INTERRUPT | HPET_TIMER_ROUTE(DEVICE_INTERRUPT) | (edge ? 0 : HPET_TIMER_LEVEL);
    registers[HPET_WHEN_HIGH] = 1 << 16; /* not today */
    registers[HPET_WHEN_LOW] = 0;
    registers[HPET_STATUS] = 1;
    registers[HPET_CONFIG] = HPET_ON;
}

static inline void device_raise(volatile unsigned *registers) { registers[HPET_WHEN_HIGH] = 0; /* long ago */ }
static inline void device_quiet(volatile unsigned *registers) { registers[HPET_STATUS] = 1; }
