/* SPDX-License-Identifier: MIT */
/*
 * Panics that explain the bug, and the end of the machine. Facts about the running thread come only from
 * <quire/upcalls.h>.
 */
#include <quire/log.h>
#include <quire/ksyms.h>
#include <quire/messages.h>
#include <quire/plural.h>
#include <quire/printf.h>
#include <quire/spinlock.h>
#include <quire/upcalls.h>
#include <arch-generic/context.h>
#include <arch-generic/machine.h>

#define SENTENCE 600 /* characters */

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
    kprintf("\n  thread %s%s%s, %u lock%s held%s\n", now.thread, now.process ? " of " : "",
            now.process ? now.process : "", locks_held(), plural(locks_held()),
            QUIRE_CHECKS && locks_held() ? ":" : "");
    locks_print(&cpu->locks);
    if (tf) {
        print_backtrace(tf_pc(tf), tf_frame_pointer(tf));
        arch_print_frame(tf);
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
