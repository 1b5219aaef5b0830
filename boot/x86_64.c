/* SPDX-License-Identifier: MIT */
/*
 * From the PVH start info (Xen's arch-x86/hvm/start_info.h) and the ACPI tables (ACPI 6.4, chapter
 * 5) to struct boot_info. Called by arch/x86_64/entry.S on the boot CPU with the boot tables
 * active. All tables are read here, so their memory needn't be kept.
 */
#include <arch/cpu.h>
#include <arch/devices.h>
#include <arch/layout.h>
#include <arch-generic/machine.h>
#include <quire/percpu.h>
#include <quire/printf.h>
#include <quire/string.h>

#define START_INFO_MAGIC 0x336ec578

struct start_info {
    u32 magic;
    u32 version;
    u32 flags;
    u32 nr_modules;
    u64 modules; /* physical addresses */
    u64 cmdline;
    u64 rsdp;
    u64 memmap; /* from version 1 on */
    u32 nr_memmap;
};
struct start_module {
    u64 address;
    u64 size;
    u64 cmdline;
    u64 reserved;
};
struct start_memory {
    u64 address;
    u64 size;
    u32 type;
    u32 reserved;
};
#define MEMORY_RAM 1

/* ACPI: root pointer, table header, MADT. */
struct __packed rsdp {
    char signature[8];
    u8 checksum;
    char oem[6];
    u8 revision; /* since 2 there is an XSDT */
    u32 rsdt;
    u32 length;
    u64 xsdt;
};
struct __packed acpi_table {
    char signature[4];
    u32 length;
    u8 revision, checksum;
    char oem[6], oem_table[8];
    u32 oem_revision, creator, creator_revision;
};
struct __packed madt {
    struct acpi_table header;
    u32 lapic;
    u32 flags;
};
struct __packed madt_entry {
    u8 type, length;
    union {
        struct __packed {
            u8 uid, apic_id;
            u32 flags;
        } cpu; /* type 0 */
        struct __packed {
            u8 id, reserved;
            u32 address, first_gsi;
        } ioapic; /* type 1 */
        struct __packed {
            u8 bus, irq;
            u32 gsi;
            u16 flags;
        } override; /* type 2 */
        struct __packed {
            u16 reserved;
            u64 address;
        } lapic_address; /* type 5 */
        struct __packed {
            u16 reserved;
            u32 apic_id, flags, uid;
        } x2apic_cpu; /* type 9 */
    };
};
#define MADT_CPU           0
#define MADT_IOAPIC        1
#define MADT_OVERRIDE      2
#define MADT_LAPIC_ADDRESS 5
#define MADT_X2APIC_CPU    9
#define MADT_CPU_ENABLED   1
#define MADT_POLARITY      0x3 /* 0: as usual for the bus, 1: active high, 3: active low */
#define MADT_ACTIVE_LOW    0x3
#define MADT_TRIGGER       0xc /* 0: as usual, 4: edge, 12: level */
#define MADT_LEVEL         0xc

#define CONSOLE_ISA_IRQ 4
#define LOW_MEMORY      MiB /* below: the trampoline's page, and data that the BIOS left */

void __noreturn boot_main(u64 start_info_pa, u64 cycles);

static struct boot_info boot;
static char description[48];

static const void *at(u64 pa) { return (const void *)(DIRECT_MAP_BASE + pa); }

static void __noreturn die(const char *why)
{
    arch_console_write("quire: cannot boot: ", 20);
    arch_console_write(why, strlen(why));
    arch_console_write("\n", 1);
    arch_poweroff(1);
}

/* Add a CPU to the list. The boot CPU is on it already, at index 0. */
static void add_cpu(u32 apic_id, u32 flags)
{
    if (!(flags & MADT_CPU_ENABLED) || apic_id == boot.cpu_hwid[0])
        return;
    if (boot.nr_cpus >= MAX_CPUS)
        boot.nr_cpus_ignored++;
    else
        boot.cpu_hwid[boot.nr_cpus++] = apic_id;
}

static void read_madt_entry(const struct madt_entry *e)
{
    switch (e->type) {
    case MADT_CPU:
        add_cpu(e->cpu.apic_id, e->cpu.flags);
        break;
    case MADT_X2APIC_CPU:
        add_cpu(e->x2apic_cpu.apic_id, e->x2apic_cpu.flags);
        break;
    case MADT_IOAPIC:
        if (e->ioapic.first_gsi == 0) /* the one with the ISA interrupts */
            x86_devices.ioapic = e->ioapic.address;
        break;
    case MADT_OVERRIDE:
        if (e->override.bus == 0 && e->override.irq == CONSOLE_ISA_IRQ) {
            x86_devices.console_gsi = e->override.gsi;
            x86_devices.console_active_low = (e->override.flags & MADT_POLARITY) == MADT_ACTIVE_LOW;
            x86_devices.console_level = (e->override.flags & MADT_TRIGGER) == MADT_LEVEL;
        }
        break;
    case MADT_LAPIC_ADDRESS:
        x86_devices.lapic = e->lapic_address.address;
        break;
    }
}

static void read_madt(const struct madt *madt)
{
    const u8 *p = (const u8 *)(madt + 1), *end = (const u8 *)madt + madt->header.length;

    x86_devices.lapic = madt->lapic;
    while (p + 2 <= end) {
        const struct madt_entry *e = (const struct madt_entry *)p;
        if (e->length < 2 || p + e->length > end)
            return;
        read_madt_entry(e);
        p += e->length;
    }
}

/* The table with this signature or NULL. Entries of the RSDT have 4 bytes, of the XSDT 8. */
static const void *find_table(const struct rsdp *rsdp, const char *signature)
{
    bool wide = rsdp->revision >= 2 && rsdp->xsdt;
    const struct acpi_table *root = at(wide ? rsdp->xsdt : rsdp->rsdt);
    size_t size = wide ? 8 : 4;

    for (size_t offset = sizeof(*root); offset + size <= root->length; offset += size) {
        u64 pa = 0;
        memcpy(&pa, (const u8 *)root + offset, size);
        if (memcmp(((const struct acpi_table *)at(pa))->signature, signature, 4) == 0)
            return at(pa);
    }
    return NULL;
}

/* Without ACPI: one CPU, and the devices where PCs have them. */
static void read_acpi(u64 rsdp_pa)
{
    const struct rsdp *rsdp = at(rsdp_pa);

    if (!rsdp_pa || memcmp(rsdp->signature, "RSD PTR ", 8) != 0)
        return;
    const struct madt *madt = find_table(rsdp, "APIC");
    if (madt)
        read_madt(madt);
}

/* Whole frames only: a PC's first range ends where the BIOS data begins, somewhere in a frame. */
static void add_ram(u64 start, u64 end)
{
    start = ALIGN_UP(start, PAGE_SIZE);
    end = ALIGN_DOWN(end, PAGE_SIZE);
    if (start < end && !boot_add_range(boot.ram, &boot.nr_ram, start, end - start))
        die("too many ranges in the memory map");
}

static void read_memory(const struct start_info *info)
{
    const struct start_memory *entry = at(info->memmap);

    if (info->version < 1 || !info->nr_memmap)
        die("the start info has no memory map");
    for (u32 i = 0; i < info->nr_memmap; i++)
        if (entry[i].type == MEMORY_RAM)
            add_ram(entry[i].address, entry[i].address + entry[i].size);
    boot_add_range(boot.reserved, &boot.nr_reserved, 0, LOW_MEMORY);
}

static void read_start_info(const struct start_info *info)
{
    if (info->cmdline)
        boot.cmdline_truncated =
            strlcpy(boot.cmdline, at(info->cmdline), sizeof(boot.cmdline)) >= sizeof(boot.cmdline);
    if (info->nr_modules) {
        const struct start_module *initrd = at(info->modules);
        boot.initrd = (struct boot_range){mk_paddr(initrd->address), initrd->size};
    }
    read_memory(info);
    read_acpi(info->rsdp);
}

void __noreturn boot_main(u64 start_info_pa, u64 cycles)
{
    const struct start_info *info = at(start_info_pa);

    if (info->magic != START_INFO_MAGIC)
        die("register ebx doesn't point to a PVH start info");
    boot.cpu_hwid[0] = lapic_boot_id();
    boot.nr_cpus = 1;
    read_start_info(info);
    boot_add_range(boot.mmio, &boot.nr_mmio, x86_devices.lapic, PAGE_SIZE);
    boot_add_range(boot.mmio, &boot.nr_mmio, x86_devices.ioapic, PAGE_SIZE);
    snprintf(description, sizeof(description), "PVH start info at 0x%lx", start_info_pa);
    boot.description = description;
    boot.machine = "x86_64";
    boot.boot_cpu = 0;
    boot.entry_cycles = cycles;
    percpu_area[0].hwid = boot.cpu_hwid[0];
    kernel_main(&boot);
}
