/* SPDX-License-Identifier: MIT */
/* Facts that boot/x86_64.c found out and the drivers of this folder use. */
#pragma once

#include <quire/types.h>

struct x86_devices {
    u64 lapic;               /* physical addresses */
    u64 ioapic;              /* the I/O APIC whose inputs are the system interrupts from 0 on */
    u32 console_gsi;         /* the system interrupt where ISA interrupt 4 arrives */
    bool console_active_low; /* ISA interrupts are active high and edge-triggered, unless ... */
    bool console_level;      /* ... ACPI says otherwise */
};
extern struct x86_devices x86_devices;

u32 lapic_boot_id(void); /* APIC id of the CPU that asks, before lapic_init() */
