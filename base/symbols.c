/* SPDX-License-Identifier: MIT */
/*
 * Where an address of the kernel's code is: function, file and line, from the tables that tools/ksyms.sh and
 * tools/klines.sh make of the linked kernel; and backtraces. Release kernels have no lines.
 */
#include <quire/ksyms.h>
#include <quire/log.h>
#include <quire/percpu.h>
#include <quire/places.h>
#include <quire/printf.h>
#include <quire/string.h>
#include <quire/upcalls.h>
#include <arch-generic/context.h>

extern const u8 places_table[] __attribute__((weak)), places_end[] __attribute__((weak));

/* The kernel's table. False: this is the first link of the kernel, which has none. */
static bool own_places(struct places *p)
{
    return places_table && places_check(p, places_table, (u64)(places_end - places_table));
}

const char *ksym_name(vaddr_t addr, u64 *offset)
{
    struct places own;
    struct place place;

    if (!own_places(&own) || !place_of(&own, addr, &place))
        return NULL;
    *offset = place.offset;
    return place.function;
}

/*
 * A return address may be the next function's first instruction, so the look-up uses the address of the call before it.
 */
const char *symbol_text(vaddr_t pc, char *text)
{
    struct places own;
    struct place place;

    if (!own_places(&own) || !place_of(&own, pc - 1, &place))
        snprintf(text, SYMBOL_TEXT, "0x%lx", pc);
    else if (!place.file)
        snprintf(text, SYMBOL_TEXT, "%s()", place.function);
    else
        snprintf(text, SYMBOL_TEXT, "%s() (%s:%u)", place.function, place.file, place.line);
    return text;
}

/* --- backtraces -------------------------------------------------------------------------------- */
static void print_location(vaddr_t pc, bool is_return)
{
    char text[SYMBOL_TEXT + 24];
    struct places own;

    if (own_places(&own))
        place_text(&own, pc, is_return, text, sizeof(text));
    else
        strlcpy(text, "?", sizeof(text));
    kprintf("    0x%lx  %s\n", pc, text);
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
