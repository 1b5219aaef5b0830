/* SPDX-License-Identifier: MIT */
/* The memory of shadows: it is taken before anything else is allocated. */
#include "exec_shadow.h"
#include "shadow.h"
#include <quire/inspect.h>
#include <quire/log.h>
#include <quire/pgtable.h>
#include <arch-generic/page.h>
#include "../../mm/init.h"

struct exec_shadow exec_shadow;
struct shadow *shadows;

/* The next part of RAM, from `from` on, that isn't taken. */
static bool next_gap(pfn_t from, struct span *gap)
{
    for (unsigned r = 0; r < spans.nr_ram; r++) {
        pfn_t first = MAX(from, spans.ram[r].first), end = spans.ram[r].end;
        for (unsigned t = 0; t < spans.nr_taken; t++)
            if (spans.taken[t].first <= first && first < spans.taken[t].end)
                first = spans.taken[t].end;
            else if (spans.taken[t].first > first)
                end = MIN(end, spans.taken[t].first);
        if (first < end) {
            *gap = (struct span){.first = first, .end = end};
            return true;
        }
    }
    return false;
}

static void take_frames(pfn_t first, pfn_t end)
{
    memory_take(first << PAGE_SHIFT, (end - first) << PAGE_SHIFT, memdesc_make_misc(MISC_SHADOW));
}

/* All memory that will ever be allocated has a shadow: one half of the largest gap is the memory, the other half its
 * shadows. */
void code_take_memory(void)
{
    struct span largest = {0}, gap;

    for (pfn_t from = 0; next_gap(from, &gap); from = gap.end)
        if (gap.end - gap.first > largest.end - largest.first)
            largest = gap;
    pfn_t first = ALIGN_UP(largest.first, PT_ENTRIES(0)); /* blocks have shadows that are blocks */
    KASSERT(largest.end > first + 2 * PT_ENTRIES(0), "ICACHE=stale wants a machine with more memory");
    u64 nr = ALIGN_DOWN((largest.end - first) / 2, PT_ENTRIES(0));
    for (pfn_t from = 0; next_gap(from, &gap); from = gap.end)
        if (gap.first != largest.first)
            take_frames(gap.first, gap.end);
    take_frames(largest.first, first);
    take_frames(first + nr, largest.end);
    u64 table_frames = DIV_ROUND_UP(nr * sizeof(struct shadow), PAGE_SIZE);
    void *table = pfn_address(memory_place(table_frames, 1, memdesc_make_misc(MISC_SHADOW)));
    arch_zero(table, table_frames << PAGE_SHIFT);
    shadows = table;
    exec_shadow = (struct exec_shadow){first, nr, nr};
}

void code_inspect(struct inspect_root *r)
{
    r->shadow_first = exec_shadow.first;
    r->shadow_nr = exec_shadow.nr;
    r->shadow_distance = exec_shadow.distance;
}
