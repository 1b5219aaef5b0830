/* SPDX-License-Identifier: MIT */
/*
 * From the service processor to struct boot_info. Called by arch/s390x/entry.S on the boot CPU with
 * address translation off. Command line and initrd are in the image's head, where QEMU puts them.
 */
#include <arch/facility.h>
#include <arch/layout.h>
#include <arch/sclp.h>
#include <arch-generic/machine.h>
#include <quire/percpu.h>
#include <quire/string.h>

void __noreturn boot_main(u64 entry_tod);

extern const u64 head_initrd[2];
extern const char head_cmdline[BOOT_CMDLINE_MAX];

static struct boot_info boot;

/* The answer to READ SCP INFO: the part that is used here. */
static struct {
    struct sccb head;
    u16 increments;   /* of storage */
    u8 increment_mib; /* 0: see increment_mib_long */
    u8 unused_11[16 - 11];
    u16 nr_cpus;
    u16 cpu_offset; /* of the first struct cpu_entry in this block */
    u8 unused_20[100 - 20];
    u32 increment_mib_long;
    u64 increments_long;
    u8 rest[4096 - 112];
} scp __aligned(4096);

struct cpu_entry {
    u8 address;
    u8 unused[15];
};

static void __noreturn die(const char *why)
{
    arch_console_write("quire: cannot boot: ", 20);
    arch_console_write(why, strlen(why));
    arch_console_write("\n", 1);
    arch_poweroff(1);
}

static void check_facilities(void)
{
    s390x_facilities_read();
    if (!s390x_facility(FACILITY_MVCOS))
        die("this CPU lacks MVCOS (facility 27)");
    if (!s390x_facility(FACILITY_FETCH_STORE) || !s390x_facility(FACILITY_SUPPRESSION_2))
        die("this CPU doesn't tell stores from fetches (facilities 75 and 131)");
    if (!s390x_facility(FACILITY_VECTOR) || !s390x_facility(FACILITY_NO_EXECUTE))
        die("this CPU lacks vectors or no-execute (facilities 129 and 130)");
}

static void read_memory(void)
{
    u64 mib = scp.increment_mib ? scp.increment_mib : scp.increment_mib_long;
    u64 increments = scp.increments ? scp.increments : scp.increments_long;

    if (!boot_add_range(boot.ram, &boot.nr_ram, 0, mib * increments * MiB) || !boot.nr_ram)
        die("the service processor knows of no memory");
    /* Absolute 0 is the boot CPU's prefix area, and the rest below the image may hold IPL data. */
    boot_add_range(boot.reserved, &boot.nr_reserved, 0, KERNEL_LOAD_PA);
}

static u16 own_address(void)
{
    u16 address;

    __asm__ volatile("stap %0" : "=Q"(address));
    return address;
}

/* The boot CPU goes to index 0. */
static void read_cpus(void)
{
    const struct cpu_entry *entry = (const struct cpu_entry *)((u8 *)&scp + scp.cpu_offset);
    u16 self = own_address();

    boot.cpu_hwid[boot.nr_cpus++] = self;
    for (unsigned i = 0; i < scp.nr_cpus && (const u8 *)(entry + 1) <= (const u8 *)(&scp + 1);
         i++, entry++) {
        if (entry->address == self)
            continue;
        if (boot.nr_cpus < MAX_CPUS)
            boot.cpu_hwid[boot.nr_cpus++] = entry->address;
        else
            boot.nr_cpus_ignored++;
    }
}

void __noreturn boot_main(u64 entry_tod)
{
    lowcore_set_vectors(&lowcore, PSW_BOOT);
    check_facilities();
    scp.head.length = sizeof(scp);
    if (sclp_call(SCLP_READ_SCP_INFO, &scp.head) != SCLP_RESPONSE_INFO)
        die("the service processor doesn't answer READ SCP INFO");
    read_memory();
    read_cpus();
    boot.initrd = (struct boot_range){mk_paddr(head_initrd[0]), head_initrd[1]};
    boot.cmdline_truncated =
        strlcpy(boot.cmdline, head_cmdline, sizeof(boot.cmdline)) >= sizeof(boot.cmdline);
    boot.description = "SCLP";
    boot.machine = "s390x";
    boot.boot_cpu = 0;
    boot.entry_cycles = tod_to_ns(entry_tod);
    percpu_area[0].hwid = boot.cpu_hwid[0];
    percpu_area[0].arch.prefix = &lowcore;
    if (!arch_random(&boot.rng_seed))
        boot.rng_seed = 0;
    kernel_main(&boot);
}
