/* SPDX-License-Identifier: MIT */
/* What the device tree says of this machine; boot/riscv.c fills it in. */
#include <arch/devices.h>

struct riscv_devices riscv_devices;
