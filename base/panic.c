/* SPDX-License-Identifier: MIT */
/*
 * Panics that explain the bug, and the end of the machine. Facts about the running thread come only from
 * <quire/upcalls.h>.
 */
#include <quire/log.h>
#include <quire/ksyms.h>
#include <quire/messages.h>
#include <quire/printf.h>
#include <quire/spinlock.h>
#include <quire/upcalls.h>
#include <arch-generic/context.h>
#include <arch-generic/machine.h>

/* --- symbols and backtraces -------------------------------------------------------------------- */
extern const u64 ksyms_count __attribute__((weak));
extern const u64 ksyms_table[] __attribute__((weak));
extern const char ksyms_names[] __attribute__((weak));

const char *ksym_name(vaddr_t addr, u64 *offset)
{
    if (!&ksyms_count || !ksyms_count || addr < ksyms_table[0])
        return NULL;
    u64 low = 0, high = ksyms_count;
    while (high - low > 1) {
        u64 middle = (low + high) / 2;
        if (ksyms_table[2 * middle] <= addr)
            low = middle;
        else
            high = middle;
    }
    *offset = addr - ksyms_table[2 * low];
    return ksyms_names + ksyms_table[2 * low + 1];
}

/* A return address may be the next function's first instruction, so the lookup uses the address of the call before
 * it. */
static void print_location(vaddr_t pc, bool is_return)
{
    u64 offset;
    const char *name = ksym_name(pc - is_return, &offset);

    kprintf("    0x%lx  %s+0x%lx\n", pc, name ? name : "?", name ? offset + is_return : 0);
}

static bool in_a_stack(vaddr_t fp)
{
    if (fp & 7)
        return false;
    const struct percpu *cpu = this_cpu();
    vaddr_t emergency = (vaddr_t)cpu->emergency_stack;
    if (fp >= emergency && fp < emergency + sizeof(cpu->emergency_stack) - 16)
        return true;
    vaddr_t top = (vaddr_t)running_now().stack_top;
    if (top && fp > top - KSTACK_SIZE && fp <= top)
        return true;
    extern char boot_stack[], boot_stack_top[];
    return fp > (vaddr_t)boot_stack && fp <= (vaddr_t)boot_stack_top;
}

void print_backtrace(vaddr_t pc, vaddr_t fp)
{
    kprintf("  backtrace:\n");
    if (pc)
        print_location(pc, false);
    for (unsigned i = 0; i < 24 && in_a_stack(fp) && arch_unwind(&fp, &pc); i++)
        print_location(pc, true);
}

#define SENTENCE 200 /* characters */

/* --- panic ------------------------------------------------------------------------------------- */
static void __noreturn die(const struct trapframe *tf, const char *text)
{
    struct percpu *cpu = this_cpu();
    static u32 panicking;

    arch_irq_disable();
    if (cpu->in_panic)
        arch_poweroff(PANIC_STATUS); /* a panic during a panic: nothing more can be printed safely */
    test_hook_expected(text); /* before anything is changed */
    cpu->in_panic = true;
    if (__atomic_exchange_n(&panicking, 1, __ATOMIC_SEQ_CST))
        arch_halt(); /* another CPU prints its panic */
    cpus_stop_others();
    kprint_line("PANIC on CPU %u: %s", cpu->cpu, text);
    struct running now = running_now();
    kprintf("\n  thread %s%s%s, %u locks held\n", now.thread, now.process ? " of " : "", now.process ? now.process : "",
            locks_held());
    if (tf) {
        arch_print_frame(tf);
        print_backtrace(tf_pc(tf), tf_frame_pointer(tf));
    } else {
        print_backtrace(0, arch_frame_pointer());
    }
    kprintf("  To look further: make qemu-<machine>-gdb, then in gdb: break panic_stop, continue, backtrace\n");
    panic_stop();
    test_hook_panic(text);
    test_hook_panic_end();
    arch_poweroff(PANIC_STATUS);
}

/* A place for a breakpoint. */
void __noinline panic_stop(void) { barrier(); }

void __noreturn panic(const char *fmt, ...)
{
    char text[SENTENCE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    die(NULL, text);
}

void __noreturn panic_frame(const struct trapframe *tf, const char *fmt, ...)
{
    char text[SENTENCE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    die(tf, text);
}

void __noreturn machine_poweroff(int status)
{
    arch_irq_disable();
    kprint_line("power off, status %d\n", status);
    cpus_stop_others();
    arch_poweroff(status);
}
