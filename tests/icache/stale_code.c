/* SPDX-License-Identifier: MIT */
/* Reports of runs with ICACHE=stale: see stale_code.h. Built with ICACHE=stale only. */
#include "stale_code.h"
#include <quire/cacheflush.h>
#include <quire/ksyms.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/printf.h>
#include <quire/string.h>
#include <quire/test.h>
#include <quire/test_runner.h>
#include <quire/upcalls.h>
#include <arch/trap.h>

#define MOST_LINES 3 /* reported at once: they mostly have one cause */
#define MOST_NOTES 4

/* Stale lines that a CPU entered, and that may be a program's own fault. */
struct note {
    struct stale_line line;
    unsigned cpu;
};
static struct note notes[MOST_NOTES];
static unsigned nr_notes;
static spinlock_t notes_lock;
/* the line reported last for this CPU: after a fault the CPU comes back to the same line */
static vaddr_t told_at[MAX_CPUS];

static __printf_like(1, 2) void say(const char *fmt, ...)
{
    char text[160];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (test_running())
        test_diag("%s", text);
    else
        kprintf("stale: %s\n", text);
}

/* --- one line ---------------------------------------------------------------------------------- */
static void tell_place(const struct stale_line *l, char *text, size_t room)
{
    u64 offset = 0;
    const char *name = ksym_name((vaddr_t)l->place, &offset);

    snprintf(text, room, "stored by CPU %u in %s+0x%lx", l->stored_by, name ? name : "?", offset);
}

static void tell_who(const struct stale_line *l, unsigned cpu, bool ran, char *text, size_t room)
{
    char by[80] = "stored by a program, or by a kernel that didn't say so";

    if (l->stored_later)
        tell_place(l, by, sizeof(by));
    else if (!l->maintained)
        strlcpy(by, "never maintained since the machine began", sizeof(by));
    snprintf(text, room, "CPU %u %s stale code at user 0x%lx, frame 0x%lx; %s", cpu, ran ? "ran" : "would run", l->addr,
             l->pfn, by);
}

static void tell_step(const struct stale_line *l, char *text, size_t room)
{
    if (l->waiting)
        snprintf(text, room, "CPU %u's last " ARCH_ICACHE_FENCE_NAME " came BEFORE that line was maintained; " ARCH_ICACHE_RULE,
                 (unsigned)__builtin_ctz(l->waiting));
    else if (l->stored_later || !l->maintained)
        snprintf(text, room, "nobody has maintained that line since; " ARCH_ICACHE_RULE);
    else
        snprintf(text, room, "the last maintenance of that line came BEFORE that store; " ARCH_ICACHE_RULE);
}

static const char *likely_cause(const struct stale_line *l)
{
    if (l->waiting)
        return "likely: only the CPU that stored has fenced, need_generation(). Read docs/caches.md, Generations";
    if (l->stored_later || !l->maintained)
        return "likely: flush_icache_pages() missing before set_ptes(), or for fewer frames than are mapped. Read "
               "docs/caches.md, Who asks";
    return "likely: no cache_sync() for all that was written, or a kernel store without flush_dcache_folio(). Read "
           "docs/caches.md, Who asks";
}

void stale_code_text(const struct stale_line *l, unsigned cpu, bool ran, char text[STALE_SENTENCES][160])
{
    tell_who(l, cpu, ran, text[0], sizeof(text[0]));
    tell_step(l, text[1], sizeof(text[1]));
    strlcpy(text[2], likely_cause(l), sizeof(text[2]));
}

static void tell(const struct stale_line *l, unsigned cpu, bool ran)
{
    char text[STALE_SENTENCES][160];

    stale_code_text(l, cpu, ran, text);
    for (unsigned i = 0; i < STALE_SENTENCES; i++)
        say("%s", text[i]);
}

/* --- on the way to user mode -------------------------------------------------------------------- */
static void note(const struct stale_line *l)
{
    spin_lock(&notes_lock);
    unsigned i = 0;
    while (i < nr_notes && notes[i].line.pfn != l->pfn)
        i++;
    if (i < MOST_NOTES) {
        notes[i] = (struct note){*l, this_cpu()->cpu};
        nr_notes = MAX(nr_notes, i + 1);
    }
    spin_unlock(&notes_lock);
}

/* The kernel announced stores to this frame, and hasn't maintained it: this can't be a program's fault. */
static bool kernels_fault(const struct stale_line *l)
{
    memdesc_t word = memdesc_read(l->pfn);
    const struct folio *f = memdesc_type(word) == MEMDESC_FOLIO ? memdesc_pointer(word) : NULL;

    return f && l->stored_later && !folio_frame_is_clean(f, l->pfn);
}

/*
 * Two things fail the running test, even if its results are right: code newer than this CPU's last fence, and a line
 * that the kernel stored to and nobody has maintained. An old line that a program may have written itself is noted, and
 * reported when the test fails for another reason.
 */
void code_entered(const struct trapframe *tf, struct mm *mm)
{
    static bool told[MAX_CPUS]; /* once for each maintenance that was missed */
    struct stale_line line;
    u64 fenced;

    if (!mm)
        return;
    bool *once = &told[this_cpu()->cpu];
    if (!exec_shadow_unfenced(mm, &fenced)) {
        *once = false;
    } else if (!*once) {
        *once = true;
        say("CPU %u goes to user 0x%lx, code of generation %lu; its last " ARCH_ICACHE_FENCE_NAME " was for generation %lu",
            this_cpu()->cpu, tf_pc(tf), mm->exec_gen, fenced);
        say("CPU %u's last " ARCH_ICACHE_FENCE_NAME " came BEFORE that code was maintained; " ARCH_ICACHE_RULE,
            this_cpu()->cpu);
        say("likely: a way to user mode without icache_enter_user(), or mm->need_gen wasn't raised. Read "
            "docs/caches.md, Generations");
        test_runner_fail();
    }
    /* interrupts are off, so it can't wait. The next return to user mode checks again */
    if (!rwsem_read_trylock(&mm->areas_lock))
        return;
    bool stale = exec_shadow_stale(mm, tf_pc(tf), &line);
    rwsem_read_unlock(&mm->areas_lock);
    if (!stale)
        return;
    if (kernels_fault(&line)) {
        if (told_at[this_cpu()->cpu] != line.addr)
            tell(&line, this_cpu()->cpu, true);
        told_at[this_cpu()->cpu] = line.addr;
        test_runner_fail();
    } else {
        note(&line);
    }
}

/* --- when something went wrong ------------------------------------------------------------------ */
void code_failed(struct mm *mm, vaddr_t pc)
{
    struct stale_line line;
    unsigned told = 0;

    rwsem_read_lock(&mm->areas_lock);
    if (pc && exec_shadow_stale(mm, pc, &line)) {
        rwsem_read_unlock(&mm->areas_lock);
        tell(&line, this_cpu()->cpu, true);
        return;
    }
    for (struct vma *vma = area_at_or_above(mm, 0); vma; vma = area_next(vma))
        for (vaddr_t at = vma->start; vma->prot & PROT_EXEC && told < MOST_LINES; at = line.addr + EXEC_LINE) {
            if (!exec_shadow_next_stale(mm, at, vma->end, &line))
                break;
            tell(&line, this_cpu()->cpu, false);
            told++;
        }
    rwsem_read_unlock(&mm->areas_lock);
    for (unsigned i = 0; !told && i < nr_notes; i++)
        tell(&notes[i].line, notes[i].cpu, true);
    nr_notes = 0;
}

void code_forget(void)
{
    nr_notes = 0;
    memset(told_at, 0, sizeof(told_at));
}
