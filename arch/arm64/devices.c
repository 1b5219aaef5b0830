/* SPDX-License-Identifier: MIT */
/* What the device tree says of this machine; boot/arm64.c fills it in. */
#include <arch/devices.h>

struct arm64_devices arm64_devices = {.uart = 0x09000000}; /* QEMU's virt, until the device tree is read */
