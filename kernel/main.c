/* SPDX-License-Identifier: MIT */
/*
 * The kernel's first C function, and what it starts: memory, the other CPUs, the boot archive, the first program. The
 * boot thread becomes the idle thread of CPU 0.
 */
#include <quire/boot_info.h>
#include <quire/bench.h>
#include <quire/boot_archive.h>
#include <quire/console.h>
#include <quire/errno.h>
#include <quire/futex.h>
#include <quire/inspect.h>
#include <quire/kvmap.h>
#include <quire/log.h>
#include <quire/memory_init.h>
#include <quire/plural.h>
#include <quire/process.h>
#include <quire/string.h>
#include <quire/test_runner.h>
#include <arch-generic/machine.h>

#define QUIRE_VERSION "0.1"
#define CPU_START_TIMEOUT_NS 2000000000UL
#define INIT_PATH "bin/init"

static struct boot_info *boot;

static void init_percpu(void)
{
    nr_cpus = boot->nr_cpus;
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        struct percpu *area = cpu_area(cpu);
        area->self = area;
        area->cpu = cpu;
        area->bit = 1u << cpu;
        area->hwid = boot->cpu_hwid[cpu];
        area->emergency_sp = (u64)area->emergency_stack + sizeof(area->emergency_stack);
    }
}

/* --- other CPUs -------------------------------------------------------------------------------- */
void __noreturn secondary_main(void)
{
    sched_init_cpu();
    arch_cpu_init();
    sched_idle();
}

static unsigned start_cpus(void)
{
    unsigned started = 1;

    for (unsigned cpu = 1; cpu < nr_cpus; cpu++) {
        void *stack = kstack_alloc();
        if (!stack)
            break;
        cpu_area(cpu)->kernel_sp = (u64)stack;
        int err = arch_cpu_start(cpu);
        u64 deadline = arch_clock_ns() + CPU_START_TIMEOUT_NS;
        while (!err && !READ_ONCE(cpu_area(cpu)->online)) {
            cpu_relax();
            if (arch_clock_ns() > deadline)
                err = -ETIMEDOUT;
        }
        if (err)
            kprintf("CPU %u (hardware id %lu) doesn't start: error %d; going on without it\n", cpu,
                    cpu_area(cpu)->hwid, err);
        else
            started++;
    }
    return started;
}

/* --- messages of the boot ---------------------------------------------------------------------- */
static void print_hello(void)
{
    u64 bytes = 0;

    for (unsigned i = 0; i < boot->nr_ram; i++)
        bytes += boot->ram[i].size;
    kprintf("Quire " QUIRE_VERSION " %s: %u CPU%s, boot CPU %lu; %lu MiB; %s\n", boot->machine, nr_cpus,
            plural(nr_cpus), boot->cpu_hwid[0], bytes / MiB, boot->description);
    if (boot->nr_cpus_ignored)
        kprintf("left alone: %u more CPU%s; this kernel is built for %u\n", boot->nr_cpus_ignored,
                plural(boot->nr_cpus_ignored), MAX_CPUS);
    if (boot->cmdline_truncated)
        kprintf("the command line is longer than %u characters; the rest is ignored\n", BOOT_CMDLINE_MAX - 1);
}

/* Whether the boot archive has a file. If it can't be read to its end, a line says why. */
static bool read_to_the_end(void)
{
    struct archive_file file;
    const char *wrong;
    u64 at = 0, files = 0;

    while (!(wrong = archive_next(boot_archive(), &at, &file)) && file.name)
        files++;
    if (wrong)
        kprintf("the boot archive can't be read to its end: %s\n", wrong);
    return files > 0;
}

static bool take_archive(void)
{
    int err = boot_archive_init(boot->initrd);

    if (!boot->initrd.size) {
        kprintf("no boot archive: QEMU's option -initrd gives one\n");
        return false;
    }
    if (err)
        kprintf("the boot archive can't be used: %s\n", err == -EINVAL ? "it doesn't begin on a page" : "no memory");
    return !err && read_to_the_end();
}

/* Starts init. The words of run="..." on the kernel's command line become its one argument. */
static int start_init(void)
{
    char args[BOOT_CMDLINE_MAX + 16] = "init";
    size_t len = 0, bytes = 5;
    const char *run = boot_option(boot, "run", &len);
    int err;

    if (run) {
        memcpy(args + bytes, run, len);
        bytes += len + 1;
    }
    struct process *init = process_start(INIT_PATH, &(struct arguments){args, run ? 2 : 1, bytes}, &err);
    if (init)
        object_put(&init->object);
    return err;
}

void kernel_reaches_user(void)
{
    static u32 reached;

    if (likely(reached) || __atomic_exchange_n(&reached, 1, __ATOMIC_RELAXED))
        return;
    if (this_cpu()->cpu == 0) /* each CPU has a counter of its own; entry_cycles is CPU 0's */
        kprintf("init runs, %'lu ticks of this CPU's counter after entry.  Try: help  ls  ps  mem  maps  guestdemo\n",
                arch_cycles() - boot->entry_cycles);
    else
        kprintf("init runs.  Try: help  ls  ps  mem  maps  guestdemo\n");
}

static void first_thread(void *unused)
{
    if (test_runner_wanted(boot))
        test_runner_main(boot);
    if (bench_wanted(boot))
        bench_kernel();
    int err = start_init();
    if (err == -ENOENT)
        panic("the boot archive holds no %s: there is nothing to run", INIT_PATH);
    if (err)
        panic("%s can't be started (error %d)", INIT_PATH, -err);
}

void __noreturn kernel_main(struct boot_info *info)
{
    boot = info;
    this_cpu()->self = this_cpu();
    sched_init();
    init_percpu();
    print_hello();
    memory_init(boot);
    arch_machine_init(boot);
    arch_cpu_init();
    sched_init_cpu();
    futex_init();
    inspect_init();
    unsigned started = start_cpus();
    if (!memory_print_accounts())
        panic("memory isn't accounted for");
    kprintf("%u of %u CPUs run; %s\n", started, nr_cpus, arch_features());
    bool archive = take_archive();
    console_init();
    struct thread *first = thread_create("first", NULL, PRIORITY_KERNEL, first_thread, NULL);
    if (!first)
        panic("no memory for the first thread");
    if (!archive && !test_runner_wanted(boot))
        panic("without a boot archive there is nothing to run");
    thread_start(first);
    sched_idle();
}
