/* SPDX-License-Identifier: MIT */
/*
 * Console output, whole lines at a time.
 *
 * The console lock is the lowest of all and taken with interrupts off. A CPU that panics doesn't wait for the lock for
 * ever, because its message is more important than the order of lines.
 */
#include <quire/log.h>
#include <quire/console.h>
#include <quire/printf.h>
#include <quire/messages.h>
#include <quire/spinlock.h>
#include <quire/string.h>
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
 * While tests run, every line of a program gets a prefix, so that no program can print a verdict. Only '\n' ends a
 * line. Any other character that a terminal may take for the end of a line, or that moves the cursor, is shown as '?'.
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
