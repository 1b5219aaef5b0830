/* SPDX-License-Identifier: MIT */
/* Calls to the power firmware (Arm DEN 0022, Power State Coordination Interface 1.1). */
#pragma once

#include <quire/types.h>

#define PSCI_SYSTEM_OFF 0x84000008
#define PSCI_CPU_ON 0xc4000003

/* 0 or a negative PSCI error; doesn't return from SYSTEM_OFF if the firmware works. */
long psci_call(u64 function, u64 arg0, u64 arg1, u64 arg2);
