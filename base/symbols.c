/* SPDX-License-Identifier: MIT */
/*
 * Where an address of the kernel's code is: function, file and line, from the tables that tools/ksyms.sh and
 * tools/klines.sh make of the linked kernel; and backtraces. Release kernels have no lines.
 */
#include <quire/ksyms.h>
#include <quire/log.h>
#include <quire/percpu.h>
#include <quire/printf.h>
#include <quire/upcalls.h>
#include <arch-generic/context.h>

extern const u64 ksyms_count __attribute__((weak));
extern const u64 ksyms_table[] __attribute__((weak));
extern const char ksyms_names[] __attribute__((weak));

/* Rows in the order of addresses: from this address on, code is of this line. */
extern const struct kline {
    u32 address; /* the low half */
    u16 file, line;
} klines_table[] __attribute__((weak));
extern const u64 klines_count __attribute__((weak));
extern const u32 klines_files[] __attribute__((weak)); /* where each name begins in klines_names */
extern const char klines_names[] __attribute__((weak));

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

/* The last row at or below addr, but not below its function's start. */
static const struct kline *find_line(vaddr_t addr, u64 offset)
{
    if (!&klines_count || !klines_count || (u32)addr < klines_table[0].address)
        return NULL;
    u64 low = 0, high = klines_count;
    while (high - low > 1) {
        u64 middle = (low + high) / 2;
        if (klines_table[middle].address <= (u32)addr)
            low = middle;
        else
            high = middle;
    }
    return (u32)addr - klines_table[low].address <= offset ? &klines_table[low] : NULL;
}

/*
 * A return address may be the next function's first instruction, so the look-up uses the address of the call before it.
 */
const char *symbol_text(vaddr_t pc, char *text)
{
    u64 offset = 0;
    const char *name = ksym_name(pc - 1, &offset);
    const struct kline *line = name ? find_line(pc - 1, offset) : NULL;

    if (!name)
        snprintf(text, SYMBOL_TEXT, "0x%lx", pc);
    else if (!line)
        snprintf(text, SYMBOL_TEXT, "%s()", name);
    else
        snprintf(text, SYMBOL_TEXT, "%s() (%s:%u)", name, klines_names + klines_files[line->file], line->line);
    return text;
}

/* --- backtraces -------------------------------------------------------------------------------- */
static void print_location(vaddr_t pc, bool is_return)
{
    u64 offset = 0;
    const char *name = ksym_name(pc - is_return, &offset);
    const struct kline *line = name ? find_line(pc - is_return, offset) : NULL;

    kprintf("    0x%lx  %s+0x%lx", pc, name ? name : "?", name ? offset + is_return : 0);
    if (line)
        kprintf("  %s:%u", klines_names + klines_files[line->file], line->line);
    kprintf("\n");
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

/* Where the function that calls the caller was called, and so on upwards. */
void backtrace_callers(u64 *pcs, unsigned nr)
{
    vaddr_t fp = arch_frame_pointer(), pc = 0;

    for (unsigned i = 0; i < nr + 2 && in_a_stack(fp) && arch_unwind(&fp, &pc); i++)
        if (i >= 2)
            pcs[i - 2] = pc;
}

static void print_repeats(unsigned repeats)
{
    if (repeats)
        kprintf("    ... the same %u times more: a function that calls itself\n", repeats);
}

/* Frames with the same return address one after the other are one line. */
void print_backtrace(vaddr_t pc, vaddr_t fp)
{
    vaddr_t last = 0;
    unsigned repeats = 0;

    kprintf("  backtrace:\n");
    if (pc)
        print_location(pc, false);
    for (unsigned lines = 0; lines < 24 && in_a_stack(fp) && arch_unwind(&fp, &pc);) {
        if (pc == last) {
            repeats++;
            continue;
        }
        print_repeats(repeats);
        repeats = 0;
        print_location(last = pc, true);
        lines++;
    }
    print_repeats(repeats);
}
