/* SPDX-License-Identifier: MIT */
/* Where this machine's devices are, as boot/arm64.c read it from the device tree. */
#pragma once

#include <quire/types.h>
#include <quire/boot_info.h>

enum psci_method { PSCI_NONE, PSCI_HVC, PSCI_SMC };

struct arm64_devices {
    u64 uart; /* physical address; 0: the machine has none */
    u32 uart_irq;
    u32 timer_irq; /* the virtual timer's */
    u64 distributor;
    struct boot_range redistributors[BOOT_MAX_RANGES];
    unsigned nr_redistributors;
    enum psci_method psci;
};
extern struct arm64_devices arm64_devices;

/* Boot CPU, before any other C code: find out what inline functions must know about the CPUs. */
void arm64_detect(void);
/* Use the port at arm64_devices.uart as the console from now on. */
void arm64_console_init(void);
