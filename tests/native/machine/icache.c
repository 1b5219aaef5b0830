/* SPDX-License-Identifier: MIT */
/*
 * The model instruction caches. Simulated machines have none, so maintenance that mm left out does no harm there;
 * here a CPU may execute a frame only if the frame was maintained after its contents were stored, and if the CPU has
 * fenced since then, where each CPU must fence for itself. A CPU that is asked to fence does so at once; so all earlier
 * steps must come before the request (RISC-V: the data fence that makes the stores visible).
 */
#include "machine.h"
#include "../play/check.h"
#include <quire/cacheflush.h>
#include <quire/messages.h>
#include <arch/cacheflush.h>
#include <string.h>

static u64 now; /* steps of maintenance so far */
static u64 changed[WORLD_MAX_FRAMES], cleaned[WORLD_MAX_FRAMES], fenced[MAX_CPUS];

void icache_power_on(void)
{
    now = 1;
    memset(changed, 0, sizeof(changed));
    memset(cleaned, 0, sizeof(cleaned));
    memset(fenced, 0, sizeof(fenced));
}

static bool in_ram(pfn_t pfn) { return pfn - WORLD_FIRST_PFN < WORLD_MAX_FRAMES; }

void icache_frames_change(pfn_t pfn, u64 nr)
{
    now++;
    for (u64 i = 0; i < nr; i++)
        if (in_ram(pfn + i))
            changed[pfn + i - WORLD_FIRST_PFN] = now;
}

/* The clean bit of a frame may be set only after its maintenance. */
static void check_bit(pfn_t pfn)
{
    memdesc_t word = memdesc_read(pfn);
    const struct folio *f = memdesc_type(word) == MEMDESC_FOLIO ? memdesc_pointer(word) : NULL;

    if (f)
        CHECK(!(f->clean >> ((pfn - f->pfn) >> (f->order > 6 ? f->order - 6 : 0)) & 1),
              "the clean bit is set after the maintenance: another CPU believes it at once", "frame 0x%lx: it is set already", pfn);
}

void arch_icache_clean(const void *addr, size_t len)
{
    pfn_t first = address_pfn(addr), end = address_pfn((const u8 *)addr + len - 1) + 1;

    now++;
    for (pfn_t pfn = first; pfn < end; pfn++) {
        CHECK(in_ram(pfn), "maintenance is for frames that exist", "frame 0x%lx", pfn);
        u64 i = pfn - WORLD_FIRST_PFN;
        if (cleaned[i] > changed[i])
            continue;
        check_bit(pfn);
        cleaned[i] = now;
    }
}

void arch_icache_fence_local(void) { fenced[cpu_playing] = ++now; }

/* The interrupts come at once. */
void mm_fence_remote(u32 mask, u64 gen)
{
    unsigned self = cpu_playing;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (mask & 1u << cpu) {
            cpu_play(cpu);
            icache_fence();
            CHECK(this_cpu()->fenced_gen >= gen, "a fence counts for all generations made before it", "CPU %u", cpu);
        }
    cpu_play(self);
}

bool icache_maintained(pfn_t pfn) { return cleaned[pfn - WORLD_FIRST_PFN] > changed[pfn - WORLD_FIRST_PFN]; }

void icache_execute(pfn_t pfn)
{
    if (ICACHE_COHERENT || !in_ram(pfn) || memdesc_type(memdesc_read(pfn)) == MEMDESC_MISC)
        return; /* the zero page never changes */
    u64 i = pfn - WORLD_FIRST_PFN;
    CHECK(cleaned[i] > changed[i], "what was stored is maintained before it is executed",
          "CPU %u executes frame 0x%lx, which wasn't since it was allocated", cpu_playing, pfn);
    CHECK(!ARCH_ICACHE_LOCAL_FENCE || fenced[cpu_playing] > cleaned[i], "each CPU fences after the maintenance, before it executes",
          "CPU %u executes frame 0x%lx and has not fenced since", cpu_playing, pfn);
}
