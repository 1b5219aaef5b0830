/* SPDX-License-Identifier: MIT */
/*
 * From the device tree to struct boot_info, for QEMU's virt machine and all machines with a similar device tree. Called
 * by arch/riscv/entry.S on the boot hart with the boot tables active.
 */
#include "fdt.h"
#include <arch/cpu.h>
#include <arch/devices.h>
#include <arch/layout.h>
#include <arch/pgtable.h>
#include <arch-generic/machine.h>
#include <quire/percpu.h>
#include <quire/printf.h>
#include <quire/string.h>

#define IRQ_SUPERVISOR_EXTERNAL 9
#define PAGE_UP(x) ALIGN_UP(x, PAGE_SIZE)

void __noreturn boot_main(u64 hart, u64 fdt_pa, u64 cycles);

static struct boot_info boot;
static char description[40];

static void __noreturn die(const char *why)
{
    arch_console_write("quire: cannot boot: ", 20);
    arch_console_write(why, strlen(why));
    arch_console_write("\n", 1);
    arch_poweroff(1);
}

/* Add a CPU to the list; the boot hart goes to index 0. Returns its index, -1: no room. */
static int add_cpu(u64 hart, u64 boot_hart)
{
    if (boot.nr_cpus >= MAX_CPUS) {
        boot.nr_cpus_ignored++;
        return -1;
    }
    boot.cpu_hwid[boot.nr_cpus] = hart;
    if (hart == boot_hart && boot.nr_cpus) {
        boot.cpu_hwid[boot.nr_cpus] = boot.cpu_hwid[0];
        boot.cpu_hwid[0] = hart;
    }
    boot.nr_cpus++;
    return 0;
}

static void read_isa(const struct fdt *fdt, int cpu)
{
    const char *isa = fdt_string(fdt, cpu, "riscv,isa");

    if (!isa)
        return;
    riscv_devices.sstc = strstr(isa, "sstc") != NULL;
    strlcpy(riscv_devices.isa, isa, sizeof(riscv_devices.isa));
}

static void read_cpus(const struct fdt *fdt, u64 boot_hart)
{
    int cpus = fdt_path(fdt, "/cpus");
    u64 hart, size;

    if (cpus < 0)
        die("the device tree has no /cpus");
    riscv_has_svnapot = true;
    riscv_devices.timebase_hz = (u32)fdt_number(fdt, cpus, "timebase-frequency", 10000000);
    riscv_devices.tick_ns = NS_PER_S % riscv_devices.timebase_hz ? 0 : (u32)(NS_PER_S / riscv_devices.timebase_hz);
    for (int n = fdt_first_child(fdt, cpus); n >= 0; n = fdt_next_sibling(fdt, n)) {
        const char *type = fdt_string(fdt, n, "device_type");
        if (!type || strcmp(type, "cpu") != 0 || !fdt_enabled(fdt, n) || !fdt_reg(fdt, n, 0, &hart, &size))
            continue;
        add_cpu(hart, boot_hart);
        const char *isa = fdt_string(fdt, n, "riscv,isa");
        riscv_has_svnapot = riscv_has_svnapot && isa && strstr(isa, "svnapot"); /* all harts use the same tables */
        if (hart == boot_hart)
            read_isa(fdt, n);
    }
}

/* The hart whose interrupt controller has this phandle; ~0: none. */
static u64 hart_of_intc(const struct fdt *fdt, u32 phandle)
{
    u64 hart, size;

    for (int n = fdt_first_child(fdt, fdt_path(fdt, "/cpus")); n >= 0; n = fdt_next_sibling(fdt, n)) {
        int intc = fdt_first_child(fdt, n);
        if (intc >= 0 && fdt_number(fdt, intc, "phandle", 0) == phandle && fdt_reg(fdt, n, 0, &hart, &size))
            return hart;
    }
    return ~0UL;
}

static void read_plic(const struct fdt *fdt)
{
    int plic = fdt_find_compatible(fdt, "riscv,plic0");
    u64 size;

    if (plic < 0 || !fdt_reg(fdt, plic, 0, &riscv_devices.plic, &size))
        return;
    boot_add_range(boot.mmio, &boot.nr_mmio, riscv_devices.plic, size);
    struct fdt_prop contexts = fdt_prop(fdt, plic, "interrupts-extended");
    for (u32 i = 0; i < contexts.len / 8; i++) {
        if (fdt_cell(contexts, 2 * i + 1) != IRQ_SUPERVISOR_EXTERNAL)
            continue;
        u64 hart = hart_of_intc(fdt, fdt_cell(contexts, 2 * i));
        for (unsigned c = 0; c < boot.nr_cpus; c++)
            if (boot.cpu_hwid[c] == hart)
                riscv_devices.plic_context[c] = i;
    }
}

static void read_devices(const struct fdt *fdt)
{
    u64 size;
    int node = fdt_find_compatible(fdt, "ns16550a");

    if (node >= 0 && fdt_reg(fdt, node, 0, &riscv_devices.uart, &size)) {
        riscv_devices.uart_irq = (u32)fdt_number(fdt, node, "interrupts", 0);
        boot_add_range(boot.mmio, &boot.nr_mmio, riscv_devices.uart, PAGE_UP(size));
    }
    node = fdt_find_compatible(fdt, "sifive,test0");
    if (node >= 0 && fdt_reg(fdt, node, 0, &riscv_devices.test, &size))
        boot_add_range(boot.mmio, &boot.nr_mmio, riscv_devices.test, PAGE_UP(size));
    read_plic(fdt);
}

void __noreturn boot_main(u64 hart, u64 fdt_pa, u64 cycles)
{
    struct fdt fdt;

    if (!fdt_open(&fdt, (const void *)(DIRECT_MAP_BASE + fdt_pa)))
        die("register a1 doesn't point to a device tree");
    if (!fdt_boot_info(&fdt, &boot))
        die("the device tree has no memory node");
    read_cpus(&fdt, hart);
    read_devices(&fdt);
    boot_add_range(boot.reserved, &boot.nr_reserved, fdt_pa, fdt.total_size);
    snprintf(description, sizeof(description), "device tree at 0x%lx", fdt_pa);
    boot.description = description;
    boot.machine = "riscv64";
    boot.boot_cpu = 0;
    boot.entry_cycles = cycles;
    percpu_area[0].hwid = hart;
    kernel_main(&boot);
}
