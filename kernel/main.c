/* SPDX-License-Identifier: MIT */
#include <quire/boot_info.h>
#include <quire/log.h>
#include <quire/percpu.h>
#include <arch-generic/machine.h>
#include <quire/printf.h>
struct percpu percpu_area[MAX_CPUS];
unsigned nr_cpus;
void kvprintf(const char *fmt, va_list args)
{
    char buf[256];
    int n = vsnprintf(buf, sizeof(buf), fmt, args);
    arch_console_write(buf, MIN((size_t)n, sizeof(buf) - 1));
}
void kprintf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    kvprintf(fmt, args);
    va_end(args);
}
void kernel_main(struct boot_info *boot)
{
    kprintf("Quire %s: %u CPUs, boot CPU %lu; %s; entry %lu now %lu\n", boot->machine, boot->nr_cpus, boot->cpu_hwid[0], boot->description, boot->entry_cycles, arch_cycles());
    for (unsigned i = 0; i < boot->nr_ram; i++) kprintf("ram %lx+%lx\n", boot->ram[i].start, boot->ram[i].size);
    for (unsigned i = 0; i < boot->nr_reserved; i++) kprintf("res %lx+%lx\n", boot->reserved[i].start, boot->reserved[i].size);
    for (unsigned i = 0; i < boot->nr_mmio; i++) kprintf("mmio %lx+%lx\n", boot->mmio[i].start, boot->mmio[i].size);
    kprintf("cmdline '%s' initrd %lx+%lx clock %lu\n", boot->cmdline, boot->initrd.start, boot->initrd.size, arch_clock_ns());
    arch_poweroff(7);
}
void secondary_main(void) { arch_halt(); }
#include <quire/trap_upcalls.h>
void trap_syscall(struct trapframe *tf) {}
void trap_fault(struct trapframe *tf, vaddr_t addr, unsigned access) { kprintf("fault %lx %u\n", addr, access); arch_poweroff(1); }
void trap_exception(struct trapframe *tf, enum exception what, u64 code, vaddr_t addr) { kprintf("exc %u %lx %lx\n", what, code, addr); arch_poweroff(1); }
void trap_timer(void) {}
void trap_ipi(void) {}
void trap_console_rx(void) {}
void trap_exit_to_user(struct trapframe *tf) {}
void trap_stack_overflow(struct trapframe *tf) { arch_poweroff(1); }
