/* SPDX-License-Identifier: MIT */
/*
 * Console output, whole lines at a time, and panics that explain themselves.
 *
 * The console lock is the lowest of all and taken with interrupts off. A CPU that panics doesn't wait for it
 * for ever: what it has to say is more important than order.
 */
#include <quire/log.h>
#include <quire/console.h>
#include <quire/ksyms.h>
#include <quire/kvmap.h>
#include <quire/printf.h>
#include <quire/process.h>
#include <quire/shootdown.h>
#include <quire/string.h>
#include <quire/test_hooks.h>
#include <arch-generic/machine.h>

static u32 console_locked;
static bool at_line_start = true;
static bool tests_run;

static bool console_lock(void)
{
    bool irq = irq_save();

    for (unsigned spins = 0; __atomic_exchange_n(&console_locked, 1, __ATOMIC_ACQUIRE); spins++) {
        cpu_relax();
        shootdown_serve();
        if (this_cpu()->in_panic && spins > 100000)
            break;
    }
    return irq;
}

static void console_unlock(bool irq)
{
    __atomic_store_n(&console_locked, 0, __ATOMIC_RELEASE);
    irq_restore(irq);
}

static void write_raw(const char *text, size_t len)
{
    arch_console_write(text, len);
    if (len)
        at_line_start = text[len - 1] == '\n';
}

static void print(bool at_margin, const char *fmt, va_list args)
{
    char buffer[256];
    int n = vsnprintf(buffer, sizeof(buffer), fmt, args);

    bool irq = console_lock();
    if (at_margin && !at_line_start)
        write_raw("\n", 1);
    write_raw(buffer, MIN((size_t)n, sizeof(buffer) - 1));
    console_unlock(irq);
}

void kvprintf(const char *fmt, va_list args) { print(false, fmt, args); }

void kprint_line(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print(true, fmt, args);
    va_end(args);
}

void kprintf(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    kvprintf(fmt, args);
    va_end(args);
}

/*
 * While tests run every line of a program gets a prefix, so that none can print a verdict. '\n' ends a line, and nothing
 * else does: whatever some terminal or program takes for the end of a line, or moves the cursor, is shown as '?'.
 */
static void write_quoted(const char *text, size_t len)
{
    char line[64];

    while (len) {
        size_t n = 0;
        while (n < sizeof(line) && n < len && (n == 0 || text[n - 1] != '\n')) {
            line[n] = text_is_plain(text[n]) || text[n] == '\n' ? text[n] : '?';
            n++;
        }
        if (at_line_start)
            arch_console_write("| ", 2);
        write_raw(line, n);
        text += n;
        len -= n;
    }
}

void console_tests_begin(void) { WRITE_ONCE(tests_run, true); }
bool console_tests_run(void) { return READ_ONCE(tests_run); }

void console_write_user(const char *text, size_t len)
{
    bool irq = console_lock();

    if (console_tests_run())
        write_quoted(text, len);
    else
        write_raw(text, len);
    console_unlock(irq);
}

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

/* A return address may be the next function's first instruction: the call before it is what counts. */
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
    const struct thread *t = cpu->current;
    vaddr_t top = t && t->stack_top ? (vaddr_t)t->stack_top : 0;
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

/* --- panic ------------------------------------------------------------------------------------- */
static void __noreturn die(const struct trapframe *tf, const char *fmt, va_list args)
{
    struct percpu *cpu = this_cpu();
    static u32 panicking;

    char text[200];

    arch_irq_disable();
    if (cpu->in_panic)
        arch_poweroff(PANIC_STATUS); /* a panic while panicking: nothing more can be said safely */
    vsnprintf(text, sizeof(text), fmt, args);
    test_hook_expected(text); /* before anything is changed */
    cpu->in_panic = true;
    if (__atomic_exchange_n(&panicking, 1, __ATOMIC_SEQ_CST))
        arch_halt(); /* another CPU is telling its story */
    cpus_stop_others();
    kprint_line("PANIC on CPU %u: %s", cpu->cpu, text);
    const struct thread *t = cpu->current;
    kprintf("\n  thread %s%s%s, %u locks held\n", t ? t->name : "none", t && t->process ? " of " : "",
            t && t->process ? t->process->name : "", locks_held());
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
    va_list args;

    va_start(args, fmt);
    die(NULL, fmt, args);
}

void __noreturn panic_frame(const struct trapframe *tf, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    die(tf, fmt, args);
}
