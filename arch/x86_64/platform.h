/* SPDX-License-Identifier: MIT */
/* Between the files of this folder. */
#pragma once

#include <quire/types.h>
#include <quire/percpu.h>
#include <arch/devices.h>
#include <arch/features.h>
#include <arch/layout.h>

static inline void *phys_to_window(u64 pa) { return (void *)(DIRECT_MAP_BASE + pa); }

void cpu_early_init(void);                /* boot CPU, before anything else */
void cpu_load_tables(struct percpu *cpu); /* GDT, TSS, IDT and GS base of this CPU */
void trap_init_idt(void);                 /* once */
void trap_load_idt(void);                 /* on every CPU */
void uart_init(void);

void lapic_init(void); /* on every CPU */
void lapic_eoi(void);
u32 lapic_read(u32 reg);
void lapic_write(u32 reg, u32 value);
void lapic_send(u32 apic_id, u32 command);
void irq_route_console(void);
void timer_calibrate(void);
void timer_init(void); /* on every CPU */
struct trapframe;
void timer_interrupt(const struct trapframe *tf);

/* Local APIC registers (SDM 3A table 10-1); as x2APIC they are MSR 0x800 + offset / 16. */
#define LAPIC_ICR_LOW       0x300
#define LAPIC_ICR_HIGH      0x310
#define LAPIC_LVT_TIMER     0x320
#define LAPIC_TIMER_INITIAL 0x380
#define LAPIC_TIMER_CURRENT 0x390
#define LAPIC_TIMER_DIVIDE  0x3e0

#define LAPIC_LVT_MASKED  (1 << 16)
#define LAPIC_ICR_INIT    0x4500 /* INIT, assert (SDM 3A 10.6.1) */
#define LAPIC_ICR_STARTUP 0x4600 /* + page number of the first instruction */
#define LAPIC_ICR_FIXED   0x4000 /* + vector */
