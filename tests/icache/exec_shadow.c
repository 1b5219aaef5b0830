/* SPDX-License-Identifier: MIT */
/* Shadow frames: see exec_shadow.h. Built with ICACHE=stale only. */
#include "exec_shadow.h"
#include "shadow.h"
#include "../../uv/core/enforce.h"
#include <quire/cacheflush.h>
#include <quire/direct_map.h>
#include <quire/mm.h>
#include <quire/spinlock.h>
#include <quire/string.h>

#define LINES (PAGE_SIZE / EXEC_LINE)
_Static_assert(LINES == 64, "a word has a bit for each line of a frame");

/*
 * Lines that are maintained, and CPUs that were in the address space then and have neither fenced nor switched
 * threads.
 */
struct pending {
    pfn_t pfn;
    u64 lines;
    u32 waiting; /* 0: this element is free */
};
#define MOST_PENDING 1024 /* a CPU adds at most 512 before it is preempted, or waits for the other CPUs */

static struct pending pending[MOST_PENDING];
static u32 nr_pending; /* [nr_pending, MOST_PENDING) are free */
static spinlock_t lock;
static u64 fenced[MAX_CPUS];

static bool begin(void)
{
    bool irq = irq_save();

    spin_lock(&lock);
    return irq;
}

static void end(bool irq)
{
    spin_unlock(&lock);
    irq_restore(irq);
}

static struct shadow *shadow_of(pfn_t pfn)
{
    return pfn - exec_shadow.first < exec_shadow.nr ? &shadows[pfn - exec_shadow.first] : NULL;
}

/* --- refreshing -------------------------------------------------------------------------------- */
/* The frame may belong to a guest by now, and be hidden. */
static void refresh(pfn_t pfn, u64 lines)
{
    bool hidden = !direct_map_present(pfn);

    for (; lines; lines &= lines - 1) {
        size_t at = (size_t)__builtin_ctzl(lines) * EXEC_LINE;
        u8 *shadow = (u8 *)pfn_address(exec_pfn(pfn)) + at;
        if (hidden)
            enforce_read(shadow, pfn, at, EXEC_LINE);
        else
            memcpy(shadow, (const u8 *)pfn_address(pfn) + at, EXEC_LINE);
        arch_icache_clean(shadow, EXEC_LINE);
    }
}

/* Lines of its page that [start, end) touches. */
static u64 lines_between(vaddr_t start, vaddr_t end)
{
    unsigned low = (start & (PAGE_SIZE - 1)) / EXEC_LINE, high = ((end - 1) & (PAGE_SIZE - 1)) / EXEC_LINE;

    return ~0UL >> (63 - (high - low)) << low;
}

/* The CPUs that may be in user mode of mm. Other CPUs get there through mm_activate(), and check the generation
 * there. */
static u32 cpus_in(const struct mm *mm)
{
    u32 in = 0;

    if (ARCH_ICACHE_LOCAL_FENCE && mm)
        for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
            if (__atomic_load_n(&cpu_area(cpu)->loading_mm, __ATOMIC_SEQ_CST) == mm)
                in |= 1u << cpu;
    return in;
}

/* Runs on every return to user mode, so it compares words. */
static bool same_line(pfn_t pfn, size_t at)
{
    const u64 *a = (const u64 *)((const u8 *)pfn_address(pfn) + at), *b = (const u64 *)((const u8 *)pfn_address(exec_pfn(pfn)) + at);
    u64 different = 0;

    for (unsigned i = 0; i < EXEC_LINE / sizeof(u64); i++)
        different |= a[i] ^ b[i];
    return !different;
}

/* Whether maintenance of these lines changes anything for users: maintenance of unwritten lines needs no fence. */
static bool brings_news(pfn_t pfn, u64 lines)
{
    if (!direct_map_present(pfn))
        return true; /* a guest's frame; asked once, before the guest runs */
    for (; lines; lines &= lines - 1)
        if (!same_line(pfn, (size_t)__builtin_ctzl(lines) * EXEC_LINE))
            return true;
    return false;
}

static void maintained(struct shadow *s, pfn_t pfn, u64 lines, u32 waiting)
{
    u32 i = 0;

    s->cleaned = icache_generation() + 1;
    if (brings_news(pfn, lines))
        s->changed = s->cleaned;
    while (waiting && i < nr_pending && pending[i].waiting)
        i++;
    /* if there is no place to remember the line, it is refreshed too early rather than never */
    if (!waiting || i == MOST_PENDING) {
        refresh(pfn, lines);
        return;
    }
    pending[i] = (struct pending){pfn, lines, waiting};
    nr_pending = MAX(nr_pending, i + 1);
}

void code_cleaned(struct mm *mm, vaddr_t start, vaddr_t stop)
{
    bool irq = begin();
    u32 waiting = cpus_in(mm);

    for (vaddr_t at = start, next; at < stop; at = next) {
        next = MIN(ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE, stop);
        pfn_t pfn = address_pfn((const void *)at);
        struct shadow *s = shadow_of(pfn);
        if (s)
            maintained(s, pfn, lines_between(at, next), waiting);
    }
    end(irq);
}

/* No line waits for this CPU any more. */
static void stop_waiting(void)
{
    u32 self = 1u << this_cpu()->cpu;

    for (u32 i = 0; i < nr_pending; i++) {
        struct pending *p = &pending[i];
        if (p->waiting == self)
            refresh(p->pfn, p->lines);
        p->waiting &= ~self;
    }
    while (nr_pending && !pending[nr_pending - 1].waiting)
        nr_pending--;
}

/* The CPUs that a line waits for. */
static u32 waiting_for(pfn_t pfn, unsigned line)
{
    u32 cpus = 0;

    for (u32 i = 0; i < nr_pending; i++)
        if (pending[i].pfn == pfn && pending[i].lines >> line & 1)
            cpus |= pending[i].waiting;
    return cpus;
}

/* --- what happened ----------------------------------------------------------------------------- */
void code_stored(pfn_t pfn, u64 nr, const void *by)
{
    bool irq = begin();

    for (u64 i = 0; i < nr; i++) {
        struct shadow *s = shadow_of(pfn + i);
        if (!s)
            continue;
        s->stored = icache_generation() + 1;
        s->place = by;
        s->stored_by = this_cpu()->cpu;
    }
    end(irq);
}

void code_fenced(u64 gen)
{
    bool irq = begin();

    u64 *mine = &fenced[this_cpu()->cpu];
    *mine = MAX(*mine, gen); /* in begin() this CPU may have served others, and fenced for a newer generation */
    stop_waiting();
    end(irq);
}

void code_left(void)
{
    bool irq = begin();

    stop_waiting();
    end(irq);
}

void code_published(struct mm *mm, u64 gen)
{
    bool irq = begin();

    mm->exec_gen = MAX(mm->exec_gen, gen);
    end(irq);
}

void code_mapped(struct mm *mm, pfn_t pfn, u64 nr)
{
    bool irq = begin();

    for (u64 i = 0; i < nr; i++) {
        const struct shadow *s = shadow_of(pfn + i);
        if (s)
            mm->exec_gen = MAX(mm->exec_gen, s->changed);
    }
    end(irq);
}

/* --- questions --------------------------------------------------------------------------------- */
bool exec_shadow_unfenced(const struct mm *mm, u64 *last)
{
    *last = fenced[this_cpu()->cpu];
    return ARCH_ICACHE_LOCAL_FENCE && *last < READ_ONCE(mm->exec_gen);
}

bool exec_shadow_stale(struct mm *mm, vaddr_t addr, struct stale_line *line)
{
    pte_t e = addr < USER_TOP ? pt_lookup(&mm->root, addr) : pte_empty(0);
    pfn_t pfn = pte_pfn(e);
    const struct shadow *s = pte_present(e) && pte_accessible(e) && pte_exec(e) ? shadow_of(pfn) : NULL;
    size_t at = ALIGN_DOWN(addr & (PAGE_SIZE - 1), EXEC_LINE);

    if (!s || !direct_map_present(pfn) || same_line(pfn, at))
        return false;
    *line = (struct stale_line){
        .addr = ALIGN_DOWN(addr, EXEC_LINE),
        .pfn = pfn,
        .place = s->place,
        .stored_by = (unsigned)s->stored_by,
        .stored_later = s->place && s->stored > s->cleaned,
        .maintained = s->cleaned != 0,
        .waiting = waiting_for(pfn, (unsigned)(at / EXEC_LINE)),
    };
    return true;
}

bool exec_shadow_next_stale(struct mm *mm, vaddr_t addr, vaddr_t stop, struct stale_line *line)
{
    while (addr < stop) {
        unsigned level;
        pte_t above, *entry = pt_walk_above(&mm->root, addr, &level, &above);
        if (level ? !pde_present(above, level) : !pte_present(pte_load(entry))) {
            /* so a terabyte of unmapped addresses is skipped fast */
            addr = ALIGN_DOWN(addr, pt_span(level)) + pt_span(level);
            continue;
        }
        if (exec_shadow_stale(mm, addr, line))
            return true;
        addr = ALIGN_DOWN(addr, EXEC_LINE) + EXEC_LINE;
    }
    return false;
}
