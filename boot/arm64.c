/* SPDX-License-Identifier: MIT */
/*
 * From the device tree to struct boot_info, for QEMU's virt machine and all machines with a similar device tree. Called
 * by arch/arm64/entry.S on the boot CPU with the boot tables active.
 */
#include "fdt.h"
#include <arch/cpu.h>
#include <arch/devices.h>
#include <arch/layout.h>
#include <arch-generic/machine.h>
#include <quire/percpu.h>
#include <quire/printf.h>
#include <quire/string.h>

#define BOOT_WINDOW (64 * GiB) /* how much of physical memory the boot table maps */

/* The GIC's interrupt specifiers: kind, number, flags. And the first id of shared and of private interrupts. */
#define GIC_CELLS 3
#define GIC_KIND_SPI 0
#define GIC_FIRST_PPI 16
#define GIC_FIRST_SPI 32
#define TIMER_VIRTUAL 2 /* place in the timer node: secure, non-secure, virtual, hypervisor */

void __noreturn boot_main(u64 fdt_pa, u64 counter);

static struct boot_info boot;
static char description[40];

static void __noreturn die(const char *why)
{
    static const char prefix[] = "quire: cannot boot: ";

    arch_console_write(prefix, sizeof(prefix) - 1);
    arch_console_write(why, strlen(why));
    arch_console_write("\n", 1);
    arch_poweroff(1);
}

/* The id of a node's interrupt number `index`. 0, which is no device's id: the node has no such interrupt. */
static u32 gic_irq(const struct fdt *fdt, int node, unsigned index)
{
    struct fdt_prop p = fdt_prop(fdt, node, "interrupts");

    if (p.len < 4 * GIC_CELLS * (index + 1))
        return 0;
    bool shared = fdt_cell(p, GIC_CELLS * index) == GIC_KIND_SPI;
    return (shared ? GIC_FIRST_SPI : GIC_FIRST_PPI) + fdt_cell(p, GIC_CELLS * index + 1);
}

static void add_mmio(u64 start, u64 size)
{
    boot_add_range(boot.mmio, &boot.nr_mmio, start, ALIGN_UP(size, PAGE_SIZE));
}

/* Add a CPU to the list. The boot CPU has index 0 already. */
static void add_cpu(u64 mpidr)
{
    if (mpidr == boot.cpu_hwid[0])
        return;
    if (boot.nr_cpus >= MAX_CPUS)
        boot.nr_cpus_ignored++;
    else
        boot.cpu_hwid[boot.nr_cpus++] = mpidr;
}

static void read_cpus(const struct fdt *fdt)
{
    int cpus = fdt_path(fdt, "/cpus");
    u64 mpidr, size;

    boot.cpu_hwid[boot.nr_cpus++] = sysreg_read(mpidr_el1) & MPIDR_AFFINITY;
    if (cpus < 0)
        return; /* other CPUs can't be started then */
    for (int n = fdt_first_child(fdt, cpus); n >= 0; n = fdt_next_sibling(fdt, n)) {
        const char *type = fdt_string(fdt, n, "device_type");
        if (type && strcmp(type, "cpu") == 0 && fdt_enabled(fdt, n) &&
            fdt_reg(fdt, n, 0, &mpidr, &size))
            add_cpu(mpidr);
    }
}

static void read_psci(const struct fdt *fdt)
{
    int node = fdt_path(fdt, "/psci");
    const char *method = node < 0 ? NULL : fdt_string(fdt, node, "method");

    if (method)
        arm64_devices.psci = strcmp(method, "smc") == 0 ? PSCI_SMC : PSCI_HVC;
}

static void read_console(const struct fdt *fdt)
{
    int node = fdt_find_compatible(fdt, "arm,pl011");
    u64 address, size;

    arm64_devices.uart = 0;
    if (node < 0 || !fdt_reg(fdt, node, 0, &address, &size))
        return;
    arm64_devices.uart = address;
    arm64_devices.uart_irq = gic_irq(fdt, node, 0);
    add_mmio(address, size);
    arm64_console_init();
}

static void read_gic(const struct fdt *fdt)
{
    struct arm64_devices *d = &arm64_devices;
    int node = fdt_find_compatible(fdt, "arm,gic-v3");
    u64 address, size;

    if (node < 0 || !fdt_reg(fdt, node, 0, &d->distributor, &size))
        die("no GICv3 in the device tree (QEMU: -M virt,gic-version=3)");
    add_mmio(d->distributor, size);
    u64 regions = fdt_number(fdt, node, "#redistributor-regions", 1);
    for (unsigned i = 0; i < regions && fdt_reg(fdt, node, 1 + i, &address, &size); i++) {
        boot_add_range(d->redistributors, &d->nr_redistributors, address, size);
        add_mmio(address, size);
    }
}

static void read_timer(const struct fdt *fdt)
{
    int node = fdt_find_compatible(fdt, "arm,armv8-timer");

    arm64_devices.timer_irq = node < 0 ? 0 : gic_irq(fdt, node, TIMER_VIRTUAL);
    if (!arm64_devices.timer_irq)
        die("the device tree has no virtual timer");
    if (!sysreg_read(cntfrq_el0))
        die("the firmware hasn't set the counter's frequency (CNTFRQ_EL0)");
}

void __noreturn boot_main(u64 fdt_pa, u64 counter)
{
    struct fdt fdt;

    arm64_detect();
    percpu_area[0].emergency_sp = (u64)percpu_area[0].emergency_stack + EMERGENCY_STACK_SIZE;
    if (fdt_pa >= BOOT_WINDOW || !fdt_open(&fdt, (const void *)(DIRECT_MAP_BASE + fdt_pa)))
        die("register x0 doesn't point to a device tree");
    read_console(&fdt);
    read_psci(&fdt);
    if (!fdt_boot_info(&fdt, &boot))
        die("the device tree has no memory node");
    boot_add_range(boot.reserved, &boot.nr_reserved, fdt_pa, fdt.total_size);
    read_cpus(&fdt);
    read_gic(&fdt);
    read_timer(&fdt);
    snprintf(description, sizeof(description), "device tree at 0x%lx", fdt_pa);
    boot.description = description;
    boot.machine = "arm64";
    boot.entry_cycles = arm64_no_pmu ? arm64_ticks_to_ns(counter) : counter;
    percpu_area[0].hwid = boot.cpu_hwid[0];
    kernel_main(&boot);
}
