/* SPDX-License-Identifier: MIT */
/*
 * What boot/ found out about the machine. kernel_main() gets it once; it is constant afterwards.
 *
 * Each machine tells these facts in its own way (device tree, PVH start info and ACPI, SCLP); code that reads this
 * struct needn't know which way. Every fact is asked of the machine; none is assumed.
 */
#pragma once

#include <quire/types.h>

#define BOOT_MAX_RANGES 32
#define BOOT_CMDLINE_MAX 1024
#define MAX_CPUS 16

struct boot_range {
    paddr_t start;
    u64 size; /* bytes; 0: unused entry */
};

struct boot_info {
    const char *description; /* where the facts come from, "device tree at 0xbfe00000" */
    const char *machine;     /* "riscv64": the only place generic code gets the name from */

    struct boot_range ram[BOOT_MAX_RANGES]; /* what the firmware says is memory; any order */
    unsigned nr_ram;
    struct boot_range reserved[BOOT_MAX_RANGES]; /* firmware, device tree, boot tables. No image or initrd */
    unsigned nr_reserved;
    struct boot_range mmio[BOOT_MAX_RANGES]; /* device registers, mapped in the direct map window */
    unsigned nr_mmio;

    struct boot_range initrd; /* size 0: none given */

    char cmdline[BOOT_CMDLINE_MAX]; /* always terminated */
    bool cmdline_truncated;

    unsigned nr_cpus;         /* 1..MAX_CPUS */
    unsigned nr_cpus_ignored; /* CPUs beyond MAX_CPUS */
    unsigned boot_cpu;        /* index of the CPU that runs boot/ */
    u64 cpu_hwid[MAX_CPUS];   /* hart id, MPIDR, CPU address, APIC id */

    u64 entry_cycles; /* arch_cycles() at the kernel's first instructions */
    u64 rng_seed;     /* 0: the machine gave none */
};

/* How much of physical memory the boot mapping shows: see kernel_main(). */
#define BOOT_WINDOW_BYTES (8UL << 30)

/* Add a range to one of the lists; ranges aren't merged. False: the list is full. */
bool boot_add_range(struct boot_range *list, unsigned *nr, u64 start, u64 size);

/*
 * The generic kernel's first function. Called once, on the boot CPU, with interrupts off, on the boot
 * stack, with this_cpu() set up, .bss cleared, and the boot mapping in place: the kernel image at its
 * link address and at least [DIRECT_MAP_BASE, DIRECT_MAP_BASE + BOOT_WINDOW_BYTES) mapping physical 0 onwards.
 */
void __noreturn kernel_main(struct boot_info *boot);

/* The command line's value for `key` ("key=value", words separated by blanks); NULL: not given. The value ends
 * at *len. A bare `key` has an empty value. */
const char *boot_option(const struct boot_info *boot, const char *key, size_t *len);

/* The calling thread is about to run its first user instruction. If it is the machine's first, print a message. */
void kernel_reaches_user(void);

/* Stop the other CPUs and end the machine with this status; the last line on the console names the status too. */
void __noreturn machine_poweroff(int status);

/* A started CPU's first function, on its idle stack, with this_cpu() set and interrupts off. */
void __noreturn secondary_main(void);
