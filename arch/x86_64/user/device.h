/* SPDX-License-Identifier: MIT */
/* A device of QEMU's board, for tests of device memory: the HPET (IA-PC HPET specification 1.0a, 2.3.4). */
#pragma once

#define DEVICE_ADDRESS 0xfed00000ul
#define HPET_ID        0 /* bits 31-16: the vendor */
#define HPET_PERIOD    1 /* femtoseconds of a tick, at most 100 ns */

static inline int device_answers(volatile unsigned *registers)
{
    return registers[HPET_ID] >> 16 == 0x8086 && registers[HPET_PERIOD] && registers[HPET_PERIOD] <= 100000000;
}
