/* SPDX-License-Identifier: MIT */
/*
 * CPUs, up-calls and output of the native machine: what mm needs from higher rooms (<quire/upcalls.h>) and from lower
 * ones. Locks are in locks.c, or in tests/explore.
 */
#include "machine.h"
#include "sanitizer.h"
#include "../play/check.h"
#include <arch-generic/paging.h>
#include <quire/log.h>
#include <quire/upcalls.h>
#include <quire/tlb.h>
#include <stdio.h>

struct percpu percpu_area[MAX_CPUS];
unsigned nr_cpus = 1, cpu_playing;

void cpu_play(unsigned cpu) { cpu_playing = cpu; }

void check_no_locks(const char *after)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        CHECK(cpu_area(cpu)->locks.nr == 0, "every lock that is taken is let go, on every way out", "%s: CPU %u holds %u locks",
              after, cpu, cpu_area(cpu)->locks.nr);
}

/* --- output ------------------------------------------------------------------------------------ */
jmp_buf panic_jump;
bool panic_expected;
char panic_text[512];

void panic(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(panic_text, sizeof(panic_text), fmt, args);
    va_end(args);
    if (panic_expected)
        longjmp(panic_jump, 1);
    fail("the kernel panics only over a bug of its own: its sentence says what was broken", "panic: %s", panic_text);
}

void kprintf(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
}

/* --- other CPUs -------------------------------------------------------------------------------- */
void mm_flush_remote(u32 mask, const struct pt_root *root, vaddr_t start, u64 nr)
{
    unsigned self = cpu_playing;

    explore_hardware();
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        if (cpu == self || !(mask & 1u << cpu))
            continue;
        cpu_play(cpu);
        tlb_flush_local(root, start, nr);
    }
    cpu_play(self);
}

u64 world_preempt_points;
bool world_killed;

bool preempt_point(void)
{
    world_preempt_points++;
    return world_killed;
}

void pager_put(struct pager *pager) { (void)pager; } /* no object has one */

/* --- time and events --------------------------------------------------------------------------- */
u64 arch_cycles(void) { return 0; }
void arch_pt_activate_kernel(const struct pt_root *kernel) { (void)kernel; }
u32 events_wanted; /* nobody has a handle to events */
void mm_event(enum mm_event_kind kind, unsigned long a, unsigned long b, unsigned long c)
{
    (void)a, (void)b, (void)c;
    meanwhile_event(kind);
}

/* Symbols of a kernel's linker script: mm/init.c uses them, but isn't called here. */
char __image_start[1], __text_start[1], __text_end[1], __rodata_start[1], __rodata_end[1], __image_end[1];
