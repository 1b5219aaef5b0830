/* SPDX-License-Identifier: MIT */
/* Between the files of this folder. */
#pragma once

#include <quire/types.h>

struct trapframe;
void irq_dispatch(const struct trapframe *tf, u16 code, u32 parameter); /* serve one external interruption */

/* SIGNAL PROCESSOR: orders to the CPU with this address; returns the condition code. */
#define SIGP_SENSE      1
#define SIGP_EMERGENCY  3
#define SIGP_STOP       5
#define SIGP_RESTART    6
#define SIGP_SET_PREFIX 13
int sigp(u16 address, unsigned order, u64 parameter);
